# Everything sets itself up: `make demo` and `make test` need Python 3.11+ and nothing else.
# Set-up is stamped, so a second run is quick.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.14 python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)

BENCH_VENV := .venv-bench
PYTHON_PEERS ?= $(shell for p in python3.14 python3.13 python3.12 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' 2>/dev/null \
	&& echo $$p && break; done)

# A test run starts hundreds of processes: each would compile our sources anew in a shell that forbids to keep them compiled.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup demo test check bench bench-peers screenshots format lock clean

help: ## Show this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(VENV)/.installed server/web/.built ## Make the virtual environment and the web assets.

demo: setup ## Run the main job: a synthetic county, its servers, and a simulated fleet.
	@$(BIN)/ridgeline demo

test: setup ## Run the tests, two workers per core: they mostly wait.
	@$(BIN)/pytest -n auto --maxprocesses 8 --dist loadfile $(PYTEST_ARGS)

check: setup ## Lint, types, import contracts; the same for the web.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	sh web/npm.sh run check
	sh web/npm.sh run lint

bench: setup ## Run the benchmarks that need no peers.
	@$(BIN)/python -m benchmarks.main_job
	@$(BIN)/python -m benchmarks.decision --quick
	@$(BIN)/python -m benchmarks.wrong_unit
	@$(BIN)/python -m benchmarks.profile --quick
	@$(BIN)/python -m benchmarks.orders --quick
	@$(BIN)/python -m benchmarks.wire
	@$(BIN)/python -m benchmarks.protocols --quick
	@$(BIN)/python -m benchmarks.journal --quick
	@$(BIN)/python -m benchmarks.battery --quick
	@$(BIN)/python -m benchmarks.console --quick

bench-peers: $(BENCH_VENV)/.installed ## Routing beside OSRM, Valhalla and SciPy; takes long, BENCH_ARGS=--quick a minute or two.
	@$(BENCH_VENV)/bin/python -m benchmarks.routing $(BENCH_ARGS)

screenshots: setup ## Take the pictures in docs/img anew, in Chromium.
	@$(BIN)/python -m tests.screenshots $(SHOTS_ARGS)

format: setup ## Format the Python sources.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.installed ## Compile requirements/*.txt anew from pyproject.toml (versions and hashes).
	sh requirements/lock.sh $(BIN)

clean: ## Remove what set-up and builds made; data/ stays.
	rm -rf $(VENV) $(BENCH_VENV) server/web web/node_modules dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.installed: requirements/dev.txt requirements/fast.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "Ridgeline needs Python 3.11 or newer with venv (Debian, Ubuntu: apt install python3-venv; macOS: brew install python)."; exit 1; }
	@echo "Ridgeline: virtual environment in $(VENV) ($$($(PYTHON) --version))"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Ridgeline: installing pinned packages (about 250 MB, a minute on a good line)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/dev.txt
	@echo "Ridgeline: trying the fast routing engine"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/fast.txt 2>/dev/null \
		|| echo "Ridgeline: no wheel of routingkit-cch for this machine; the exact SciPy engine will serve"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH_VENV)/.installed: requirements/runtime.txt requirements/fast.txt requirements/bench.txt
	@test -n "$(PYTHON_PEERS)" || { echo "The peers have wheels for Python 3.12 and newer, and there is none here with venv."; exit 1; }
	@echo "Ridgeline: virtual environment of the benchmarks in $(BENCH_VENV) ($$($(PYTHON_PEERS) --version))"
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON_PEERS) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/runtime.txt
	@for each in fast bench; do $(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements/$$each.txt \
		|| echo "Ridgeline: no wheels of requirements/$$each.txt for this machine; the report names what is absent"; done
	@touch $@

web/node_modules/.installed: $(VENV)/.installed web/package-lock.json
	@echo "Ridgeline: installing the web build tools"
	@sh web/npm.sh ci
	@touch $@

server/web/.built: web/node_modules/.installed $(shell find web -type f -not -path 'web/node_modules/*' 2>/dev/null)
	@echo "Ridgeline: building the web pages"
	@sh web/npm.sh run build
	@touch $@
