#!/usr/bin/env bash
# Times this project beside PyTorch on the same machine, in turns, and writes bench-results.json.
#
#   scripts/bench.sh [--bin DIR] [--setup-only] [arguments of scripts/bench/bench.py…]
#
# The peer lives in a virtual environment of its own, .venv-bench. torch is asked for as a CPU-only build
# first: the ordinary wheel for x86-64 Linux is linked against the CUDA libraries and cannot be imported
# without them, so falling back to it takes several gigabytes that a CPU benchmark never uses.
# Each side uses the kernels that its matrix library chooses for this processor: OPENBLAS_CORETYPE would hold ours back
# and not PyTorch's, so it is taken out of the environment; BENCH_CORETYPE=Haswell, say, puts one in.
# Name another build with BENCH_TORCH, for instance BENCH_TORCH=torch==2.15.0.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-bench
cpu_torch=${BENCH_TORCH:-torch==2.13.0+cpu}
ordinary_torch=torch==2.13.0
bin=.build/release
setup_only=no
while [ $# -gt 0 ]; do
  case $1 in
    --bin) bin=${2:?--bin wants a folder}; shift 2 ;;
    --setup-only) setup_only=yes; shift ;;
    *) break ;;
  esac
done

# What was installed is remembered by a digest of what was asked for, so that a second run installs nothing.
wanted=$(printf '%s\n' "$cpu_torch" | cat - scripts/bench/requirements.txt | sha256sum | cut -d' ' -f1)
if [ "$(cat "$venv/.installed" 2>/dev/null)" != "$wanted" ]; then
  echo "bench: making $venv (torch, transformers; once)"
  python3 -m venv "$venv" || {
    echo "bench: python3 cannot make a virtual environment; on Debian: apt-get install python3-venv" >&2
    exit 1
  }
  pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
  if ! "${pip[@]}" "$cpu_torch" 2>"$venv/torch.log"; then
    if [ -n "${BENCH_TORCH:-}" ]; then
      cat "$venv/torch.log" >&2
      echo "bench: $BENCH_TORCH, named by BENCH_TORCH, could not be installed" >&2
      exit 1
    fi
    free=$(df --output=avail -BG . | tail -1 | tr -dc 0-9)
    echo "bench: pip offers no CPU-only torch here (to have one, point pip at PyTorch's CPU index);" \
      "installing the ordinary one with its CUDA libraries, about 6 GB"
    if [ "$free" -lt 9 ]; then
      echo "bench: only $free GB are free, 9 are needed" >&2
      exit 1
    fi
    "${pip[@]}" "$ordinary_torch"
  fi
  "${pip[@]}" -r scripts/bench/requirements.txt
  "$venv/bin/python" -c 'import torch, transformers, gguf' || {
    echo "bench: the installed torch or transformers does not import; remove $venv and try again" >&2
    exit 1
  }
  echo "$wanted" >"$venv/.installed"
fi
[ "$setup_only" = no ] || exit 0

if [ -n "${BENCH_CORETYPE:-}" ]; then export OPENBLAS_CORETYPE=$BENCH_CORETYPE; else unset OPENBLAS_CORETYPE; fi
model=${BENCH_MODEL:-.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf}
[ -f "$model" ] || scripts/fetch-demo-model.sh

exec "$venv/bin/python" scripts/bench/bench.py \
  --model "$model" --ours "$(printf %q "$bin/adapt-pruner-bench")" --output bench-results.json "$@"
