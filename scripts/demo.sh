#!/usr/bin/env bash
# Prunes SmolLM2-135M-Instruct with Adapt-Pruner, evaluates it before and after on text it was not calibrated
# on, and lets both models go on with the same words. No training, so what is lost stays lost.
#
#   scripts/demo.sh [--bin DIR] [--short]      --short: fewer sequences, iterations and windows
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
settings=(
  --set "inputs.calibration=$(realpath "$calibration")"
  --set "inputs.evaluation=$(realpath "$evaluation")"
)
if [ "$short" = yes ]; then
  settings+=(
    --set stages.prune.calibration.sequences=16
    --set stages.prune.target.parameters=0.95
    --set stages.before.evaluators.0.options.windows=4
    --set stages.after.evaluators.0.options.windows=4
  )
fi
prompts=("The history of Rome is" "To back up a computer, you should")
generation=(--max-tokens 32)

# The next free number. The folder itself is left to the program, which wants a new one.
mkdir -p demo
number=1
while [ -e "demo/run-$number" ]; do number=$((number + 1)); done
run=demo/run-$number

print_table() { # RUN: the run's metrics.json as a small table
  python3 - "$1/metrics.json" <<'PY'
import json, sys

try:
    with open(sys.argv[1], encoding="utf-8") as file:
        metrics = json.load(file)
except (OSError, ValueError) as error:
    sys.exit(f"demo: the run's metrics can't be read: {error}")


def number(*path):
    value = metrics
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, (int, float)) else None


def change(title, form, *path):
    before, after = number("before", *path), number("after", *path)
    if before is None or after is None:
        return (title, "not measured", "", "")
    return (title, form(before), form(after), f"{100 * after / before:.1f}%" if before else "")


def once(title, value, form):
    return (title, "" if value is None else form(value), "", "")


rows = [
    ("", "before", "after", "after/before"),
    change("parameters", "{:,}".format, "parameters"),
    change("multiply-adds a token", "{:,}".format, "macs_per_token"),
    change("perplexity", "{:.2f}".format, "perplexity"),
    once("seconds", number("seconds"), "{:.0f}".format),
    once("peak memory", number("peak_rss_bytes"), lambda value: f"{value / 1e9:.2f} GB"),
]
widths = [max(len(row[column]) for row in rows) for column in range(4)]
for row in rows:
    print("  ".join([row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip())
PY
}

"$program" run pipelines/adapt-pruner.json --model "$model" --output "$run" "${settings[@]}"

for prompt in "${prompts[@]}"; do
  for which in "$model" "$run/model"; do
    echo
    [ "$which" = "$model" ] && echo "The model as it was:" || echo "The pruned model:"
    "$program" generate "$which" --prompt "$prompt" "${generation[@]}"
  done
done

echo
print_table "$run"
echo
echo "calibrated on $calibration, evaluated on $evaluation"
echo "the pruned model: $run/model (a Hugging Face folder); everything about the run: $run"
