#!/usr/bin/env bash
# What training on 200,704 tokens gives back to SmolLM2-135M at 80% of its parameters: all parameters, adapters, norms
# and biases, and all parameters taught by the dense model. Prints the table of docs/benchmarks.md.
#
#   benchmarks/recovery.sh IDS_FOLDER TEXT [OUTPUT_FOLDER]
#
# IDS_FOLDER has calibration_ids.json and evaluation_ids.json (lists of lists of token ids); TEXT is trained on as one
# document. A run that was stopped is resumed, one that is finished is not run again.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 2 ] || { echo "recovery: usage: benchmarks/recovery.sh IDS_FOLDER TEXT [OUTPUT_FOLDER]" >&2; exit 2; }
ids=$1 text=$2 output=${3:-runs/recovery}
program=${ADAPT_PRUNER:-.build/release/adapt-pruner}
model=.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
[ -x "$program" ] || { echo "recovery: $program is missing; build it with: make build" >&2; exit 1; }
scripts/fetch-demo-model.sh >&2
mkdir -p "$output"

run() { # NAME, then settings
  local name=$1 folder=$output/$1
  shift
  if [ -f "$folder/state/state.json" ]; then
    "$program" resume "$folder" >&2
  elif ! grep -q '"finished"' "$folder/run.json" 2>/dev/null; then
    rm -rf "$folder"
    "$program" run benchmarks/recovery.json --model "$model" --output "$folder" \
      --set "inputs.calibration=$ids/calibration_ids.json" --set "inputs.evaluation=$ids/evaluation_ids.json" \
      --set "inputs.training=$text" "$@" >&2
  fi
}

run norms-and-biases --set 'stages.train.recovery="norms-and-biases"' --set stages.train.optimizer.learning_rate=1e-3
run lora --set 'stages.train.recovery={"kind": "lora", "rank": 8, "alpha": 16}' --set stages.train.optimizer.learning_rate=1e-3
run full
run distill --set 'stages.train.recovery={"kind": "distill", "temperature": 1, "weight": 0.5}'

python3 - "$output" <<'PY'
import json
import sys

output = sys.argv[1]
print("| what is trained | parameters that change | perplexity before | after | minutes | peak memory |")
print("|---|---|---|---|---|---|")
for name in ("full", "lora", "norms-and-biases", "distill"):
    with open(f"{output}/{name}/metrics.json", encoding="utf-8") as file:
        evaluations = {e["stage"]: e for e in json.load(file)["evaluations"]}

    def perplexity(stage):
        return next(m["value"] for m in evaluations[stage]["metrics"] if ".token_perplexity" in m["name"])

    with open(f"{output}/{name}/events.jsonl", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    # Steps of a resumed run may stand twice: the later one counts.
    seconds = {e["step"]: e["tokens"] / e["tokens_per_second"] for e in events if e["event"] == "step"}
    changed = next(e["parameters"] for e in events if e["event"] == "training_started")
    peak = max(e["peak_memory_bytes"] for e in events if e["event"] == "run_finished")
    print(f"| {name} | {changed:,} | {perplexity('pruned'):.1f} | {perplexity('trained'):.1f} "
          f"| {sum(seconds.values()) / 60:.1f} | {peak / 1e9:.1f} GB |")
PY
