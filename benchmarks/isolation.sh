#!/usr/bin/env bash
# What a process of its own costs: one pass of Taylor scores over SmolLM2-135M, 64 × 64 tokens, with the criterion in this
# process and in one of its own, in turns. Prints the seconds of each pass and the ratio of the medians.
#
#   benchmarks/isolation.sh TEXT [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 1 ] || { echo "isolation: usage: benchmarks/isolation.sh TEXT [ROUNDS]" >&2; exit 2; }
text=$1 rounds=${2:-5}
program=${ADAPT_PRUNER:-.build/release/adapt-pruner}
model=.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
[ -x "$program" ] || { echo "isolation: $program is missing; build it with: make build" >&2; exit 1; }
[ -f "$text" ] || { echo "isolation: there is no $text" >&2; exit 1; }
scripts/fetch-demo-model.sh >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/pipeline.json" <<'END'
{ "inputs": { "text": null },
  "stages": [ { "stage": "prune", "criterion": "adapt-pruner.taylor", "allocator": "adapt-pruner.uniform",
                "calibration": { "data": { "input": "text" }, "sequences": 64, "length": 64 },
                "target": 0.8, "iterations": 1 } ] }
END
for round in $(seq "$rounds"); do
  for kind in here apart; do
    "$program" run "$folder/pipeline.json" --model "$model" --output "$folder/$kind-$round" --quiet \
      --set "inputs.text=$text" $([ "$kind" = apart ] && echo --isolate) > /dev/null
  done
done
python3 - "$folder" "$rounds" <<'PY'
import json
import pathlib
import statistics
import sys

folder, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])


def seconds(kind, number):
    for line in (folder / f"{kind}-{number}" / "events.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "iteration":
            return event["took"]
    raise SystemExit(f"isolation: {kind}-{number} has no iteration")


times = {kind: [seconds(kind, n + 1) for n in range(rounds)] for kind in ("here", "apart")}
for kind, words in (("here", "in this process"), ("apart", "in its own")):
    print(f"{words}: " + ", ".join(f"{t:.2f}" for t in times[kind]) + " s")
ratios = [apart / here for here, apart in zip(times["here"], times["apart"])]
print(f"ratio: {statistics.median(ratios):.3f} (median of {rounds} pairs, {min(ratios):.3f} to {max(ratios):.3f})")
PY
