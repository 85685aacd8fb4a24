#!/usr/bin/env bash
# Prunes the demo's model with every shipped pipeline at 80% and 60% of its parameters and prints the README's table.
#
#   scripts/compare-methods.sh IDS_FOLDER [OUTPUT_FOLDER]
#
# IDS_FOLDER has calibration_ids.json and evaluation_ids.json, lists of lists of token ids. A run that is already in
# OUTPUT_FOLDER is not run again.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] || { echo "compare-methods: usage: scripts/compare-methods.sh IDS_FOLDER [OUTPUT_FOLDER]" >&2; exit 2; }
ids=$1
output=${2:-runs/compare}
program=.build/release/adapt-pruner
model=.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

for file in "$ids/calibration_ids.json" "$ids/evaluation_ids.json"; do
  [ -f "$file" ] || { echo "compare-methods: there is no $file" >&2; exit 1; }
done
[ -x "$program" ] || { echo "compare-methods: $program is missing; build it with: make build" >&2; exit 1; }
scripts/fetch-demo-model.sh >&2
mkdir -p "$output"

for target in 0.8 0.6; do
  for pipeline in adapt-pruner taylor-uniform magnitude random; do
    run=$output/$pipeline-$target
    [ -f "$run/metrics.json" ] && [ -d "$run/model" ] && continue
    rm -rf "$run"
    settings=(--set "inputs.evaluation=$ids/evaluation_ids.json")
    grep -q '"calibration": null' "pipelines/$pipeline.json" \
      && settings+=(--set "inputs.calibration=$ids/calibration_ids.json")
    "$program" run "pipelines/$pipeline.json" --model "$model" --output "$run" "${settings[@]}" \
      --set "stages.prune.target.parameters=$target" >&2
  done
done

python3 - "$output" <<'PY'
import json, sys

output = sys.argv[1]
names = {
    "adapt-pruner": "Adapt-Pruner (Taylor, layer distance)",
    "taylor-uniform": "Taylor, uniform",
    "magnitude": "magnitude (l2), uniform",
    "random": "random, uniform",
}


def result(pipeline, target):
    with open(f"{output}/{pipeline}-{target}/metrics.json", encoding="utf-8") as file:
        evaluations = json.load(file)["evaluations"]
    before, after = (next(e for e in evaluations if e["stage"] == s) for s in ("before", "after"))
    metric = next(m for m in after["metrics"] if ".token_perplexity" in m["name"])
    share = after["parameters"] / before["parameters"]
    value = metric["value"]
    return f"{share:.2%}", f"{value:,.1f}" if value < 1e4 else f"{value:,.0f}"


print("| method | parameters | perplexity | parameters | perplexity |")
print("|---|---|---|---|---|")
for pipeline, name in names.items():
    print(f"| {name} | " + " | ".join(" | ".join(result(pipeline, target)) for target in ("0.8", "0.6")) + " |")
PY
