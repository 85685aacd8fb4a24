#!/usr/bin/env python3
"""Makes Tests/Fixtures/removals: how the logits of two small models change without a sublayer or a layer, in numbers.

    make-removal-fixtures.py [--output FOLDER]

Needs a Python with torch and transformers. What is stored was made with Python 3.11.7, torch 2.13.0 (CPU), transformers
5.23.0. The models are those of Tests/Fixtures/training, the token ids those of Tests/Fixtures/statistics. Every model
without some units is run by itself, in float64: hooks put zeros in the place of what a removed sublayer answers. The
measures are FinerCut's (compare_outputs_angular_distance and compare_outputs_norm in dissect/evaluators/output.py of its
code), the angle over pi and not clipped at a right angle. The greedy sequence is that of scripts/prune_layer.py there:
each time the unit without which the logits are nearest to the whole model's.
"""

import argparse
import json
import math
import pathlib

import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUBLAYERS = {"attention_block": ("self_attn",), "mlp_block": ("mlp",), "layer": ("self_attn", "mlp")}


def without(model, removed):
    """Silences sublayers, given as (layer, name); answers what takes that back."""
    def silence(module, arguments, output):
        if isinstance(output, tuple):
            return (torch.zeros_like(output[0]), *output[1:])
        return torch.zeros_like(output)

    return [model.model.layers[layer].get_submodule(name).register_forward_hook(silence)
            for layer, name in sorted(removed)]


def logits(model, ids, removed):
    hooks = without(model, removed)
    with torch.no_grad():
        found = [model(torch.tensor([sequence])).logits[0] for sequence in ids]
    for hook in hooks:
        hook.remove()
    return found


def change(whole, found):
    """Mean angle over tokens, over pi, and mean over sequences of the norm of the difference."""
    angles = torch.cat([
        torch.arccos(torch.nn.functional.cosine_similarity(a, b, dim=-1).clamp(-1, 1)) for a, b in zip(whole, found)])
    norms = [torch.linalg.matrix_norm(a - b).item() for a, b in zip(whole, found)]
    return [angles.mean().item() / math.pi, sum(norms) / len(norms)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "Tests/Fixtures/removals")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    ids = json.loads((ROOT / "Tests/Fixtures/statistics/ids.json").read_text())
    result = {}
    for name in ("llama", "qwen3"):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            ROOT / "Tests/Fixtures/training" / name, dtype=torch.float64, attn_implementation="eager")
        whole = logits(model, ids, set())
        layers = range(len(model.model.layers))

        def changes(gone):
            """Of each unit that is left where `gone` has left already: by family, one a layer, null where it has left."""
            table = {}
            for family, parts in SUBLAYERS.items():
                units = [{(layer, part) for part in parts} - gone for layer in layers]
                table[family] = [change(whole, logits(model, ids, gone | unit)) if unit else None for unit in units]
            return table

        # The middle layer's attention, and the MLP of the one before.
        gone = {(1, "self_attn"), (0, "mlp")}
        # A prune stage cuts its sequences to one length.
        short = [sequence[:min(map(len, ids))] for sequence in ids]
        start = logits(model, short, set())
        greedy, left = [], set()
        while len(greedy) < 2 * len(layers) - 1:
            units = [(layer, family) for layer in layers for family in ("attention_block", "mlp_block")
                     if (layer, SUBLAYERS[family][0]) not in left]
            found = [change(start, logits(model, short, left | {(layer, SUBLAYERS[family][0])}))[0]
                     for layer, family in units]
            layer, family = units[found.index(min(found))]
            left.add((layer, SUBLAYERS[family][0]))
            greedy.append([layer, family, min(found)])
        result[name] = {"whole": changes(set()), "cut": changes(gone), "greedy": greedy}
    (output / "changes.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
