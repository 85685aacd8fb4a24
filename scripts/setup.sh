#!/usr/bin/env bash
# Installs what building needs and this machine lacks: Debian packages, nothing else. The packages are
# looked up first, so a machine that has them is left alone and needs neither root nor a network.
#
#   scripts/setup.sh [--lint] [--browser]
#
# --lint: also what checking pipelines needs where Python lacks jsonschema. --browser: also a Chromium for the tests that look
# at pages, unless there is one.
set -euo pipefail

packages=(libopenblas-dev libffi-dev)
command -v pkg-config >/dev/null || packages+=(pkg-config) # several packages provide this one
for argument in "$@"; do
  case $argument in
    --lint) python3 -c 'import jsonschema' 2>/dev/null || packages+=(python3-venv) ;;
    --browser)
      python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); import browser; sys.exit(not browser.installed())' \
        "$(dirname "$0")" || packages+=(chromium-headless-shell fonts-dejavu-core)
      ;;
    *) echo "setup: unknown argument $argument; known: --lint, --browser" >&2; exit 2 ;;
  esac
done

oldest_swift=6.3
if ! command -v swift >/dev/null; then
  echo "setup: there is no swift on the PATH; install Swift $oldest_swift or newer from https://swift.org/install" >&2
  exit 1
fi
swift_version=$(swift --version 2>&1 | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -1)
if [ "$(printf '%s\n' "$oldest_swift" "${swift_version:-0}" | sort -V | head -1)" != "$oldest_swift" ]; then
  echo "setup: this is Swift ${swift_version:-of an unknown version}; $oldest_swift or newer is needed: https://swift.org/install" >&2
  exit 1
fi

if ! command -v dpkg >/dev/null; then
  echo "setup: not a Debian system, so nothing is installed; needed are the development files of OpenBLAS and libffi, and pkg-config"
  exit 0
fi

is_installed() {
  dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}
missing=()
for package in "${packages[@]}"; do
  is_installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "setup: missing: ${missing[*]}. Install with: sudo apt-get update && sudo apt-get install ${missing[*]}" >&2
  exit 1
fi

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() {
  "$@" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    echo "setup: '$*' failed, so these are still missing: ${missing[*]}" >&2
    exit 1
  }
}
quietly apt-get -qq update
quietly apt-get -qq install --yes --no-install-recommends "${missing[@]}"
