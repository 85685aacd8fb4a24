#!/usr/bin/env bash
# Prunes SmolLM2-135M-Instruct with Adapt-Pruner, evaluates it before and after on text it was not calibrated
# on, and lets both models go on with the same words. No training, so what is lost stays lost.
#
#   scripts/demo.sh [--bin DIR] [--short]      --short: fewer sequences, iterations and windows, less pruned
#
# DEMO_CALIBRATION and DEMO_EVALUATION, if both are set, name text files to use instead of the handbook's.
# Each run is a new folder, demo/run-N.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=.build/release
short=no
while [ $# -gt 0 ]; do
  case $1 in
    --bin) bin=${2:?--bin wants a folder}; shift 2 ;;
    --short) short=yes; shift ;;
    *) echo "demo: unknown argument $1; known: --bin DIR, --short" >&2; exit 2 ;;
  esac
done

program=$bin/adapt-pruner
model=.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
calibration=${DEMO_CALIBRATION:-}
evaluation=${DEMO_EVALUATION:-}

[ -x "$program" ] || { echo "demo: $program is missing; build it with: make build" >&2; exit 1; }
if [ -n "$calibration$evaluation" ]; then
  for file in "$calibration" "$evaluation"; do
    [ -f "$file" ] || {
      echo "demo: '$file' is no file; DEMO_CALIBRATION and DEMO_EVALUATION must both name a text file" >&2
      exit 1
    }
  done
else
  scripts/fetch-demo-text.sh
  calibration=.cache/demo-text/calibration.txt
  evaluation=.cache/demo-text/evaluation.txt
fi
scripts/fetch-demo-model.sh

# What the demo changes in the recipe, all of it.
windows=40
settings=(
  --set "inputs.calibration=$(realpath "$calibration")"
  --set "inputs.evaluation=$(realpath "$evaluation")"
)
if [ "$short" = yes ]; then
  windows=4
  settings+=(
    --set stages.prune.calibration.sequences=16
    --set stages.prune.iterations=2
    --set stages.prune.target.parameters=0.95
  )
fi
settings+=(
  --set "stages.before.evaluators.0.options.max_windows=$windows"
  --set "stages.after.evaluators.0.options.max_windows=$windows"
)
prompts=("The history of Rome is" "To back up a computer, you should")
generation=(--max-tokens 40 --quiet) # greedy: no temperature. Quiet: bare prompts are meant here

# The next free number. The folder itself is left to the program, which wants a new one.
mkdir -p demo
number=1
while [ -e "demo/run-$number" ]; do number=$((number + 1)); done
run=demo/run-$number

"$program" run pipelines/adapt-pruner.json --model "$model" --output "$run" "${settings[@]}"

for prompt in "${prompts[@]}"; do
  for which in "$model" "$run/model"; do
    echo
    [ "$which" = "$model" ] && echo "The model as it was:" || echo "The pruned model:"
    "$program" generate "$which" --prompt "$prompt" "${generation[@]}"
  done
done

echo
echo "calibrated on $calibration, evaluated on $evaluation"
echo "the pruned model: $run/model (a Hugging Face folder); everything about the run: $run"
