#!/usr/bin/env bash
# The claim of the Adapt-Pruner paper, at a size that fits two cores: is a model that is pruned a little, trained a little,
# and so on, with training that grows from round to round, better than one that is pruned at once and then trained on as
# many tokens? SmolLM2-135M to 60% of its parameters with 81,920 tokens, three seeds (of the order of documents).
#
#   benchmarks/interleaved.sh IDS_FOLDER TEXT [OUTPUT_FOLDER]
#
# IDS_FOLDER has calibration_ids.json and evaluation_ids.json (lists of lists of token ids); TEXT is trained on, a line
# a document. A run that was stopped is resumed, one that is finished is not run again. SEEDS="1" takes fewer seeds, and
# STEPS=80 trains for other than 20 steps of 4,096 tokens. OUTPUT_FOLDER is runs/interleaved-STEPS unless given.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 2 ] || { echo "interleaved: usage: benchmarks/interleaved.sh IDS_FOLDER TEXT [OUTPUT_FOLDER]" >&2; exit 2; }
ids=$1 text=$2 output=${3:-runs/interleaved-${STEPS:-20}}
program=${ADAPT_PRUNER:-.build/release/adapt-pruner}
model=.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
[ -x "$program" ] || { echo "interleaved: $program is missing; build it with: make build" >&2; exit 1; }
scripts/fetch-demo-model.sh >&2
mkdir -p "$output"

run() { # NAME, SEED, then settings
  local folder=$output/$1-$2 seed=$2
  shift 2
  if [ -f "$folder/state/state.json" ]; then
    "$program" resume "$folder" >&2
  elif ! grep -q '"finished"' "$folder/run.json" 2>/dev/null; then
    rm -rf "$folder"
    "$program" run benchmarks/interleaved.json --model "$model" --output "$folder" --seed "$seed" \
      --set "inputs.calibration=$ids/calibration_ids.json" --set "inputs.evaluation=$ids/evaluation_ids.json" \
      --set "inputs.training=$text" "$@" >&2
  fi
}

steps=(--set "stages.repeat.stages.train.steps=${STEPS:-20}")
seeds=${SEEDS:-1 2 3}
for seed in $seeds; do
  run interleaved "$seed" "${steps[@]}"
  run prune-then-train "$seed" "${steps[@]}" --set stages.repeat.times=1 --set stages.repeat.stages.prune.iterations=5
done

python3 - "$output" "$seeds" <<'PY'
import json
import math
import random
import sys

output = sys.argv[1]
seeds = sys.argv[2].split()


def windows(method, seed):
    with open(f"{output}/{method}-{seed}/metrics.json", encoding="utf-8") as file:
        evaluation = json.load(file)["evaluations"][-1]
    value = next(m["value"] for m in evaluation["metrics"] if ".token_perplexity" in m["name"])
    items = next(values for name, values in evaluation["items"].items() if "nll" in name)
    return evaluation["parameters"], value, items


print("| seed | parameters | interleaved | pruned, then trained |")
print("|---|---|---|---|")
differences = []
for seed in seeds:
    size, ours, mine = windows("interleaved", seed)
    other_size, theirs, control = windows("prune-then-train", seed)
    print(f"| {seed} | {size:,} and {other_size:,} | {ours:.1f} | {theirs:.1f} |")
    differences.append([a - b for a, b in zip(mine, control)])

# Seeds and windows are both drawn again, so that the interval holds for other seeds and other text.
count = len(differences[0])
mean = sum(map(sum, differences)) / (len(seeds) * count)
draw = random.Random(0)
means = sorted(
    sum(sum(differences[s][w] for w in chosen) for s in picked) / (len(seeds) * count)
    for picked, chosen in (
        ([draw.randrange(len(seeds)) for _ in seeds], [draw.randrange(count) for _ in range(count)])
        for _ in range(2000)))
low, high = means[50], means[-51]
verdict = "no difference shown" if low < 0 < high else ("interleaved is better" if high < 0 else "interleaved is worse")
print(f"\nmean NLL, interleaved − control, over the same {count} windows: {mean:+.4f} (95% interval {low:+.4f} to "
      f"{high:+.4f}), a factor of {math.exp(mean):.3f} in perplexity: {verdict}")
PY
