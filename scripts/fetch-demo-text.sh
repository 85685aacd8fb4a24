#!/usr/bin/env bash
# Makes .cache/demo-text/{calibration,evaluation}.txt, the demo's text, from the Debian package debian-handbook.
# The package is unpacked into a scratch folder, not installed: neither root nor 98 MB of the system are needed.
#
#   scripts/fetch-demo-text.sh
set -euo pipefail
cd "$(dirname "$0")/.."

folder=.cache/demo-text
html=usr/share/doc/debian-handbook/html/en-US
# Made anew when the maker changed, or when somebody touched the text.
state() { cat scripts/demo-text.py "$folder/calibration.txt" "$folder/evaluation.txt" 2>/dev/null | sha256sum; }
if [ -f "$folder/.made" ] && [ "$(state)" = "$(cat "$folder/.made")" ]; then
  exit 0
fi

mkdir -p "$folder"
rm -f "$folder/.made"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

own_text='give your own text instead: make demo DEMO_CALIBRATION=FILE DEMO_EVALUATION=FILE'
if [ -f "/$html/index.html" ]; then
  source=/$html
else
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "fetch-demo-text: the text comes from a Debian package and this is no Debian system; $own_text" >&2
    exit 1
  fi
  echo "fetch-demo-text: fetching the Debian package debian-handbook (35 MB)"
  options=(-qq -o APT::Sandbox::User="$(id -un)")
  download() { (cd "$work" && apt-get "${options[@]}" download debian-handbook) >"$work/log" 2>&1 </dev/null; }
  if ! download; then
    # The usual reason is that this machine never fetched the lists of packages.
    if [ "$(id -u)" -ne 0 ] || ! apt-get -qq update >>"$work/log" 2>&1 </dev/null || ! download; then
      cat "$work/log" >&2
      echo "fetch-demo-text: apt could not fetch debian-handbook (perhaps after: sudo apt-get update); $own_text" >&2
      exit 1
    fi
  fi
  # The pages only: pictures are hard links to those of other languages.
  if ! dpkg-deb --fsys-tarfile "$work"/debian-handbook_*.deb |
    tar -x -C "$work" --wildcards --no-wildcards-match-slash "./$html/*.html" 2>"$work/log"; then
    tail -3 "$work/log" >&2
    echo "fetch-demo-text: debian-handbook has no pages in /$html; $own_text" >&2
    exit 1
  fi
  source=$work/$html
fi

python3 scripts/demo-text.py "$source" "$folder"
state >"$folder/.made"
