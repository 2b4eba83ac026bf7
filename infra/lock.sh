#!/usr/bin/env bash
# Recomputes requirements/*.txt from pyproject.toml and requirements/*.in: names, versions and hashes, no index address.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "make lock: uv is not on PATH; 'pip install uv' and call again" >&2; exit 1; }
compile=(uv pip compile --constraints requirements/constraints.in --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --no-emit-index-url --no-header "$@")
"${compile[@]}" pyproject.toml requirements/build.in -o requirements/run.txt
"${compile[@]}" pyproject.toml requirements/build.in --extra dev --extra notebooks -c requirements/run.txt -o requirements/dev.txt
"${compile[@]}" requirements/java.in -o requirements/java.txt
"${compile[@]}" requirements/postgres.in -c requirements/run.txt -o requirements/postgres.txt
