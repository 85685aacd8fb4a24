#!/usr/bin/env bash
# Checks what is written: Swift format, the syntax of shell and Python scripts, comments, pipelines against their schema.
# All checks run, so that one call shows everything there is to mend.
#
#   scripts/lint.sh [SWIFT_PATH…]
set -uo pipefail
cd "$(dirname "$0")/.."

failed=0
check() {
  local title=$1
  shift
  if ! "$@"; then
    echo "lint: $title: see above" >&2
    failed=1
  fi
}

# Ours by name, without what hides under a leading dot (builds, caches, virtual environments) or was run.
ours() { find . \( -path './.[!.]*' -o -path ./demo \) -prune -o -type f -name "$1" -print | sort; }

swift_format() { swift format lint --strict --parallel --recursive "$@"; }

shell_scripts() {
  local status=0 script
  while IFS= read -r script; do
    bash -n "$script" || status=1
    [ -x "$script" ] || { echo "$script is not executable" >&2; status=1; }
  done < <(ours '*.sh'; echo .ci/run)
  return $status
}

python_scripts() {
  local cache status=0 script
  cache=$(mktemp -d) # not beside the sources
  while IFS= read -r script; do
    PYTHONPYCACHEPREFIX=$cache python3 -m py_compile "$script" || status=1
  done < <(ours '*.py')
  rm -rf "$cache"
  return $status
}

pipelines() {
  local python=python3
  if ! python3 -c 'import jsonschema' 2>/dev/null; then
    python=.venv-lint/bin/python
    if ! "$python" -c 'import jsonschema' 2>/dev/null; then
      echo "lint: installing jsonschema into .venv-lint"
      scripts/setup.sh --lint && python3 -m venv .venv-lint && "$python" -m pip install --quiet --disable-pip-version-check 'jsonschema>=4.18,<5' || {
        echo "lint: pipelines cannot be checked without the PyPI package jsonschema" >&2
        return 1
      }
    fi
  fi
  "$python" scripts/check-pipelines.py
}

[ $# -eq 0 ] || check "Swift (make format mends most of it)" swift_format "$@"
check "shell scripts" shell_scripts
check "Python scripts" python_scripts
check "comments" scripts/check-comments.py
check "pipelines" pipelines
[ $failed -ne 0 ] || echo "lint: nothing to mend"
exit $failed
