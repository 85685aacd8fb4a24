#!/usr/bin/env python3
"""Makes Tests/Fixtures/moments: what PyTorch's AdamW does after units have left a model under training.

    make-moment-fixtures.py [--output FOLDER]

Needs what make-training-fixtures.py needs, whose models, rows and losses it takes. What is stored was made with Python
3.11.7, torch 2.15.0 (CPU), transformers 5.24.0, on one thread.

Three steps are trained. Then rows and columns are cut out of every parameter by hand, and out of `exp_avg` and
`exp_avg_sq` of the optimizer's state by the same indices, `step` left as it is. In the cases called "compensated" the
output projections get biases that they did not have; of those the optimizer has no state, so that PyTorch makes an
empty one. Then two steps more are trained.

Every case is computed in float32 and float64, which must agree to 1e-5; written is float64's result, rounded once.
The README.md beside the files says what is in them.
"""

import argparse
import importlib.util
import pathlib
import sys

import numpy
import torch
import transformers
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "Tests/Fixtures"
specification = importlib.util.spec_from_file_location("training", HERE / "make-training-fixtures.py")
training = importlib.util.module_from_spec(specification)
specification.loader.exec_module(training)

BEFORE, AFTER = 3, 2
SEEDS = {"llama": 20261130, "qwen3": 20261131}
HEAD = {"llama": 8, "qwen3": 12}
REPEATS = training.HEADS // training.KEY_VALUE_HEADS
# The cuts, one after the other, [layers]: KV groups and channels that stay, in the numbering of the model as it came.
# None: the sublayer leaves, with the norm before it.
EVEN = [index for index in range(40) if index % 4 != 1]
CUTS = {
    "llama": [
        [([0, 1], EVEN), ([0, 1], list(range(3, 40))), ([1], list(range(40)))],
        [([1], EVEN[::2]), ([0, 1], list(range(5, 22))), (None, list(range(0, 40, 3)))],
    ],
    "qwen3": [
        [([1], list(range(40))), ([0, 1], EVEN[2:])],
        [([1], list(range(7, 40))), ([0], None)],
    ],
}


def spread(units, width):
    return torch.tensor([unit * width + place for unit in units for place in range(width)])


def selection(key, head, groups, channels):
    """Rows and columns that stay of a layer's parameter; None for all."""
    if "q_proj" in key:
        return spread(groups, REPEATS * head), None
    if "k_proj" in key or "v_proj" in key:
        return spread(groups, head), None
    if "o_proj.weight" in key:
        return None, spread(groups, REPEATS * head)
    if "gate_proj" in key or "up_proj" in key:
        return spread(channels, 1), None
    if "down_proj.weight" in key:
        return None, spread(channels, 1)
    return None, None


def cut(values, rows, columns):
    if rows is not None:
        values = values[rows]
    return values if columns is None else values[:, columns]


def remove(model, optimizer, name):
    """Cuts the model and the optimizer's state."""
    for index, (groups, channels) in enumerate(CUTS[name][-1]):
        layer = model.model.layers[index]
        for sublayer, units in (("self_attn", groups), ("mlp", channels)):
            if units is None:
                setattr(layer, sublayer, training.Removed(sublayer))
                setattr(layer, training.NORM_BEFORE[sublayer], torch.nn.Identity())
        for key, old in list(layer.named_parameters()):
            rows, columns = selection(key, HEAD[name], groups, channels)
            new = torch.nn.Parameter(cut(old.detach(), rows, columns).clone())
            state = optimizer.state[old]
            optimizer.state[new] = {
                "step": state["step"].clone(),
                **{moment: cut(state[moment], rows, columns).clone() for moment in ("exp_avg", "exp_avg_sq")}}
            *path, last = key.split(".")
            setattr(layer.get_submodule(".".join(path)), last, new)


def add_biases(model, biases, precision):
    for key, values in biases.items():
        *path, last = key.split(".")
        setattr(model.get_submodule(".".join(path)), last, torch.nn.Parameter(torch.tensor(values, dtype=precision)))


def new_biases(name, rng):
    """Of every output projection that is left and has none."""
    values = {}
    for index, (groups, channels) in enumerate(CUTS[name][-1]):
        for units, key in ((groups, "self_attn.o_proj.bias"), (channels, "mlp.down_proj.bias")):
            if units is not None and not (name == "qwen3" and "o_proj" in key):
                values[f"model.layers.{index}.{key}"] = (0.1 * rng.normal(size=training.HIDDEN)).astype(numpy.float32)
    return values


def groups_of(model):
    """As make-training-fixtures.py: matrices decay."""
    parameters = list(model.parameters())
    return [{"params": [p for p in parameters if p.ndim == 2], "weight_decay": training.DECAY},
            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0}]


def run(name, weights, case, precision):
    """What the model is after each step that follows the cut."""
    model = training.model_of(name, weights, precision)
    optimizer = torch.optim.AdamW(groups_of(model), lr=training.RATE, betas=training.BETAS, eps=training.EPSILON)
    results = []
    for index, batches in enumerate(case["steps"]):
        if index == BEFORE:
            remove(model, optimizer, name)
            add_biases(model, case["biases"], precision)
            state, options = optimizer.state, optimizer.defaults
            optimizer = torch.optim.AdamW(groups_of(model), **{key: options[key] for key in ("lr", "betas", "eps")})
            # `load_state_dict` would go by position: by parameter it is plainer. What has none gets an empty one.
            optimizer.state.update({p: state[p] for p in model.parameters() if p in state})
        optimizer.zero_grad()
        training.backward({}, (model, training.LayerOutputs(model)), None, batches)
        optimizer.step()
        if index >= BEFORE:
            results.append({key: parameter.detach().clone() for key, parameter in model.named_parameters()})
    return results


def write(output, name):
    weights = load_file(FIXTURES / "training" / name / "model.safetensors")
    rng = numpy.random.default_rng(SEEDS[name])
    steps = [[training.batch(rng)] for _ in range(BEFORE + AFTER)]
    biases = new_biases(name, rng)
    cases = {"cut": {}, "compensated": biases}
    for title, added in cases.items():
        case = {"steps": steps, "biases": added}
        single, double = (run(name, weights, case, precision) for precision in (torch.float32, torch.float64))
        apart = [training.furthest(*pair) for pair in zip(single, double)]
        print(f"{name} {title}: float32 is away by " + ", ".join(f"{value:.1e}" for value in apart))
        if max(apart) > training.AGREEMENT:
            sys.exit(f"{name} {title}: float32 and float64 are too far apart")
        for index, tensors in enumerate(double):
            training.save(output / f"{name}.{title}.{index + 1}.safetensors", tensors)
    training.save(output / f"{name}.biases.safetensors", biases)
    return {
        "steps": [{"micro_batches": batches} for batches in steps],
        "cuts": [[{"attention": groups or [], "mlp": channels or []} for groups, channels in layers]
                 for layers in CUTS[name]],
        "cases": list(cases),
    }


def main():
    parser = argparse.ArgumentParser(description="Makes Tests/Fixtures/moments with PyTorch and transformers.")
    parser.add_argument("--output", type=pathlib.Path, default=FIXTURES / "moments")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    output.mkdir(parents=True, exist_ok=True)
    training.write_json(output / "cases.json", {
        "optimizer": {"name": "AdamW", "learning_rate": training.RATE, "betas": list(training.BETAS),
                      "epsilon": training.EPSILON, "weight_decay": training.DECAY},
        "steps_before_the_cut": BEFORE,
        "models": {name: write(output, name) for name in SEEDS},
    })
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    print(f"{size / 1e6:.2f} MB in {output}")


if __name__ == "__main__":
    main()
