#!/bin/sh
# Compile the pinned requirement files: exact versions and hashes, for every supported
# Python and platform, without naming a registry. Usage: lock.sh .venv/bin
set -eu
bin=$1
cd "$(dirname "$0")/.."

command -v uv >/dev/null 2>&1 && uv=uv || uv="$bin/uv"
[ "$uv" = uv ] || [ -x "$uv" ] || "$bin/python" -m pip install --quiet uv

compile() {
    out=$1; shift
    "$uv" pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header "$@" -o "requirements/$out"
}
compile runtime.txt pyproject.toml
compile dev.txt pyproject.toml --group dev --group build
compile node.txt --group node
compile build.txt --group build
compile bench.txt --group bench
fast=$(mktemp)
trap 'rm -f "$fast"' EXIT
sed -n 's/^fast = \["\(.*\)"\]/\1/p' pyproject.toml > "$fast"
compile fast.txt --no-deps --no-annotate "$fast"
