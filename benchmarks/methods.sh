#!/usr/bin/env bash
# Every method that ships, side by side on SmolLM2-135M at 80% and 60% of the parameters, with and without LeastSquares:
# one calibration for all. Prints a table.
#
#   benchmarks/methods.sh CALIBRATION EVALUATION [OUTPUT_FOLDER]
#
# FinerCut alone keeps the 8 × 64 tokens of its recipe, since it runs as many models as there are sublayers at each step.
#
# CALIBRATION is text or token ids, EVALUATION token ids (a list of lists); both may be anything that a pipeline's data
# may be. A run that is in OUTPUT_FOLDER already is not run again. In the environment:
#
#   SAMPLE    sequences × tokens of the calibration, 64x64
#   METHODS   which pipelines, by name; all that prune once without training
#   TARGETS   0.8,0.6
#
# OUTPUT_FOLDER is runs/methods-SAMPLE unless given. What other targets or methods have left there stays, and is in the table too.
set -euo pipefail
cd "$(dirname "$0")/.."

[ $# -ge 2 ] || { echo "methods: usage: benchmarks/methods.sh CALIBRATION EVALUATION [OUTPUT_FOLDER]" >&2; exit 2; }
calibration=$1 evaluation=$2 output=${3:-runs/methods-${SAMPLE:-64x64}}
targets=${TARGETS:-0.8,0.6}
program=${ADAPT_PRUNER:-.build/release/adapt-pruner}
model=.cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
[ -x "$program" ] || { echo "methods: $program is missing; build it with: make build" >&2; exit 1; }
for file in "$calibration" "$evaluation"; do
  [ -f "$file" ] || { echo "methods: there is no $file" >&2; exit 1; }
done
scripts/fetch-demo-model.sh >&2
mkdir -p "$output/pipelines"

python3 - "$output/pipelines" "${SAMPLE:-64x64}" "${METHODS:-}" <<'PY'
import json
import pathlib
import sys

output, sample, methods = sys.argv[1:]
sequences, length = map(int, sample.split("x"))
for old in pathlib.Path(output).glob("*.json"):
    old.unlink()
for path in sorted(pathlib.Path("pipelines").glob("*.json")):
    if path.name == "pipeline.schema.json" or (methods and path.stem not in methods.split()):
        continue
    document = json.loads(path.read_text(encoding="utf-8"))
    kinds = [stage["stage"] for stage in document["stages"]]
    if "train" in kinds or "repeat" in kinds:
        continue
    document.pop("$schema")
    document["inputs"]["calibration"] = None
    # The pruned models themselves are nobody's business here.
    document["stages"] = [stage for stage in document["stages"] if stage["stage"] != "save"]
    changing = [stage for stage in document["stages"] if stage["stage"] != "evaluate"]

    def write(name, compensator=None):
        used = compensator is not None
        for stage in changing:
            used = used or "calibration" in stage
            if used and path.stem != "finercut":
                stage["calibration"] = {
                    "data": {"input": "calibration"}, "sequences": sequences, "length": length}
                if stage["stage"] == "prune":
                    stage["calibration"]["batch_size"] = max(1, 1024 // length)
            if compensator:
                stage["compensator"] = compensator
        made = dict(document, name=name)
        if not used:
            made["inputs"] = {key: value for key, value in made["inputs"].items() if key != "calibration"}
        pathlib.Path(output, name + ".json").write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")

    units = all(stage["stage"] == "prune" and stage.get("families", ["mlp"])[0] in ("mlp", "attention") for stage in changing)
    for stage in changing:
        if "least-squares" in json.dumps(stage.get("compensator")):
            del stage["compensator"]
    write(path.stem)
    if units:
        write(path.stem + "-ls", {"id": "adapt-pruner.least-squares"})
PY

"$program" compare "$output"/pipelines/*.json --model "$model" --output "$output/comparison" --targets "$targets" \
  --set "inputs.calibration=$calibration" --set "inputs.evaluation=$evaluation" --sample-tokens 0 >&2 || {
  echo "methods: some runs failed, or none was made; see above" >&2
  failed=yes
}

python3 - "$output/comparison/runs" "$targets" <<'PY'
import json
import pathlib
import sys

runs, targets = pathlib.Path(sys.argv[1]), sys.argv[2].split(",")
NAMES = {
    "adapt-pruner": "Adapt-Pruner (Taylor, layer distance)", "taylor-uniform": "Taylor, uniform",
    "magnitude": "magnitude (l2), uniform", "random": "random, uniform", "taylor-global": "Taylor, one ranking",
    "llm-pruner": "LLM-Pruner", "flap": "FLAP", "wanda-sp": "Wanda-sp", "magnitude-sp": "magnitude-sp",
    "slicegpt": "SliceGPT", "shortgpt": "ShortGPT", "finercut": "FinerCut",
    "second-order": "SecondOrder, one ranking", "second-order-adapt": "SecondOrder, layer distance", "best": "best",
}


def result(name):
    path = runs / name / "metrics.json"
    if not path.exists():
        return None
    evaluations = json.loads(path.read_text(encoding="utf-8"))["evaluations"]
    # A run that failed may have measured the whole model, and nothing since.
    wanted = [e for e in evaluations if name.startswith("dense") or e["stage"] == "after"]
    if not wanted:
        return None
    evaluation = wanted[-1]
    return evaluation["parameters"], next(
        m["value"] for m in evaluation["metrics"] if ".token_perplexity" in m["name"])


def words(value):
    return "" if value is None else f"{value:,.1f}" if value < 1e4 else f"{value:,.0f}"


dense = next(path for path in runs.iterdir() if path.name.startswith("dense"))
whole, perplexity = result(dense.name)
print(f"dense: {whole:,} parameters, {perplexity:.3f}")
print("| method |" + " parameters | perplexity | with LeastSquares |" * len(targets))
print("|---|" + "---|---|---|" * len(targets))
rows = []
for name in sorted({path.name.rsplit("-", 1)[0].removesuffix("-ls") for path in runs.iterdir()} - {"dense"}):
    plain = [result(f"{name}-{target}") for target in targets]
    solved = [result(f"{name}-ls-{target}") for target in targets]
    sizes = [p or s for p, s in zip(plain, solved)]
    cells = [
        f" {size[0] / whole:.2%} | {words(p and p[1])} | {words(s and s[1])} |" if size else " | | |"
        for size, p, s in zip(sizes, plain, solved)]
    rows.append((plain[0][1] if plain[0] else float("inf"), f"| {NAMES.get(name, name)} |" + "".join(cells)))
for _, row in sorted(rows):
    print(row)
PY
[ -z "${failed:-}" ]
