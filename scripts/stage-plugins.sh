#!/usr/bin/env bash
# Puts each plugin where the host looks for it: BIN/plugins/<Name>/plugin.json, and beside it a link to the
# library that SwiftPM built into BIN. The link is relative, so the folder can be moved as a whole.
#
#   scripts/stage-plugins.sh BIN
set -euo pipefail

if [ $# -ne 1 ] || [ ! -d "$1" ]; then
  echo "stage-plugins: give the folder that holds the built libraries, as printed by: swift build -c release --show-bin-path" >&2
  exit 2
fi
bin=$1
plugins=$(dirname "$0")/../Plugins

# What was staged once and has left the sources must not be found any more. Folders that hold a library
# of their own instead of a link are somebody else's and stay.
for old in "$bin"/plugins/*/; do
  name=$(basename "$old")
  [ -L "$old/lib$name.so" ] || continue
  [ -f "$plugins/$name/plugin.json" ] || rm -rf "$old"
done

staged=0
for manifest in "$plugins"/*/plugin.json; do
  name=$(basename "$(dirname "$manifest")")
  library=lib$name.so
  if [ ! -f "$bin/$library" ]; then
    echo "stage-plugins: $bin/$library is missing; Plugins/$name has a plugin.json, so Package.swift should build it" >&2
    exit 1
  fi
  mkdir -p "$bin/plugins/$name"
  cmp -s "$manifest" "$bin/plugins/$name/plugin.json" || cp "$manifest" "$bin/plugins/$name/plugin.json"
  ln -sfn "../../$library" "$bin/plugins/$name/$library"
  staged=$((staged + 1))
done
if [ "$staged" -eq 0 ]; then
  echo "stage-plugins: no Plugins/*/plugin.json in the sources" >&2
  exit 1
fi
