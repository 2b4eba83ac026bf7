#!/usr/bin/env bash
# infra/venv.sh run|dev: .venv holds the locked packages and the project itself. Says nothing when it already does.
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:?usage: infra/venv.sh run|dev}
stamps=.venv/stamps
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

die() { echo "make: $*" >&2; exit 1; }

is_supported() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    if is_supported "$candidate"; then echo "$candidate"; return; fi
  done
  die "Python 3.11 to 3.13 wanted, '${PYTHON:-python3}' is not; install python3.11 or call make with PYTHON=/path/to/python"
}

create_venv() {
  local python package
  python=$(find_python)
  package=$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
  if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      echo "make: $python comes without venv, installing $package by apt-get (once)"
      { apt-get update && apt-get install -y --no-install-recommends "$package"; } >/dev/null ||
        die "apt-get could not install $package; install it and call make again"
    fi
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
      die "$python comes without venv; run 'sudo apt-get install $package' and call make again"
  fi
  echo "make: creating .venv with $("$python" -V)"
  "$python" -m venv --clear .venv
}

# Two calls of make at once (up in one terminal, test in another) take turns.
if command -v flock >/dev/null; then mkdir -p .cache; exec 9>.cache/venv.lock; flock 9; fi

is_supported .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 || create_venv
mkdir -p $stamps
locked=$(sha256sum <"requirements/$level.txt")
# The path belongs to the key: scripts in .venv/bin hold it, and a directory can be moved. The compiled part is built by the install.
project=$({ cat pyproject.toml compiled/*.c compiled/build.py; pwd; } | sha256sum)
fresh() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }

# dev.txt holds all of run.txt in the same versions.
if [ "$level" = run ] && fresh dev "$(sha256sum <requirements/dev.txt)"; then locked=$(cat $stamps/dev); level=dev; fi
if ! fresh "$level" "$locked"; then
  echo "make: installing the locked packages of requirements/$level.txt (a minute or two, once)"
  .venv/bin/python -m pip install --quiet --require-hashes --no-deps -r "requirements/$level.txt"
  rm -f $stamps/*
  echo "$locked" >"$stamps/$level"
fi
if ! fresh project "$project" || { [ ! -e compiled/_trustscore.so ] && command -v cc >/dev/null; }; then
  .venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --no-index --editable .
  echo "$project" >"$stamps/project"
  [ -e compiled/_trustscore.so ] ||
    echo "make: no C compiler, so the compiled part is missing and a worker takes in a third as much; install gcc and call make again"
fi
