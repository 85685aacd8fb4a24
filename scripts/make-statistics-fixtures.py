#!/usr/bin/env python3
"""Makes Tests/Fixtures/statistics: what goes into the projections of two small models, in numbers.

    make-statistics-fixtures.py [--output FOLDER]

Needs a Python with torch and transformers (and the safetensors and numpy that come with them). What is stored was
made with Python 3.11.7, torch 2.13.0 (CPU), transformers 5.23.0. The models are those of Tests/Fixtures/training.
They run in float64; what transformers computes in float32 whatever the model's type stays so. The statistics follow
their definitions in adapt_pruner_plugin.h from the inputs that forward hooks see, in numpy, and FLAP's fluctuation
follows the published update (add_batch in layerwrapper.py of the FLAP repository) step by step. Gradients at the
outputs of o_proj and down_proj come from autograd; the true Fisher factor is the exact expectation over all next tokens
that the model could have said, one backward pass for each position and token.
"""

import argparse
import json
import pathlib

import numpy
import torch
import transformers
from safetensors.numpy import save_file

LENGTHS = (24, 17, 9, 24)
ROOT = pathlib.Path(__file__).resolve().parent.parent
HOOKED = ("self_attn.q_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.down_proj")


def cosine(a, b):
    return (a * b).sum(-1) / numpy.linalg.norm(a, axis=-1) / numpy.linalg.norm(b, axis=-1)


def statistics(sequences, with_gram):
    """Of one projection's inputs: a list of [tokens, columns], one a sequence."""
    everything = numpy.concatenate(sequences)
    result = {
        "mean": everything.mean(0),
        "variance": everything.var(0),
        "norm": numpy.sqrt(numpy.mean([(x**2).sum(0) for x in sequences], axis=0)),
        "magnitude": numpy.sqrt(sum(abs(x).mean(0) ** 2 for x in sequences)),
    }
    baseline, fluctuation = numpy.zeros(everything.shape[1]), numpy.zeros(everything.shape[1])
    for seen, x in enumerate(sequences):
        baseline = baseline * seen / (seen + 1) + x.mean(0) / (seen + 1)
        if seen > 0:
            # The published code multiplies the differences from the new mean with themselves.
            fluctuation = fluctuation * (seen - 1) / seen + ((x - baseline) ** 2).sum(0) / (seen + 1)
    result["fluctuation"] = fluctuation
    if with_gram:
        result["gram"] = everything.T @ everything / len(everything)
    return result


def output_gradients(model, sequences):
    """For both projections of each layer the mean over tokens of g g^T: with the data's labels, and expected."""
    layers = model.model.layers
    places = [(index, name) for index in range(len(layers)) for name in ("self_attn.o_proj", "mlp.down_proj")]
    outputs = {}
    hooks = [
        layers[index].get_submodule(name).register_forward_hook(
            lambda module, arguments, output, place=(index, name): outputs.__setitem__(place, output))
        for index, name in places]
    sums = {kind: {place: 0 for place in places} for kind in ("gradient_gram", "fisher")}

    def add(kind, gradients, weight):
        for place, gradient in zip(places, gradients):
            g = gradient[0].numpy()
            sums[kind][place] = sums[kind][place] + weight * (g.T @ g)

    for sequence in sequences:
        ids = torch.tensor([sequence])
        log_p = torch.log_softmax(model(ids).logits[0, :-1], -1)
        wanted = [outputs[place] for place in places]
        loss = -log_p[torch.arange(len(sequence) - 1), ids[0, 1:]].sum()
        add("gradient_gram", torch.autograd.grad(loss, wanted, retain_graph=True), 1)
        # Labels of different positions are drawn independently and the expected gradient of each is 0, so that the
        # products of two positions' losses vanish.
        for position in range(len(sequence) - 1):
            for token in range(log_p.shape[1]):
                gradients = torch.autograd.grad(-log_p[position, token], wanted, retain_graph=True)
                add("fisher", gradients, log_p[position, token].exp().item())
    for hook in hooks:
        hook.remove()
    tokens = sum(map(len, sequences))
    return {f"{place[0]}.{place[1]}.{kind}": total / tokens
            for kind, found in sums.items() for place, total in found.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "Tests/Fixtures/statistics")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    draw = numpy.random.default_rng(7)
    ids = [draw.integers(3, 96, length).tolist() for length in LENGTHS]
    (output / "ids.json").write_text(json.dumps(ids) + "\n")
    for name in ("llama", "qwen3"):
        model = transformers.AutoModelForCausalLM.from_pretrained(
            ROOT / "Tests/Fixtures/training" / name, dtype=torch.float64, attn_implementation="eager")
        tensors = output_gradients(model, ids)
        inputs, middles, streams = {}, {}, {}

        def keep(key, of):
            return lambda module, arguments, *rest: of.setdefault(key, []).append(arguments[0][0].numpy())

        for index, layer in enumerate(model.model.layers):
            for module in HOOKED:
                layer.get_submodule(module).register_forward_pre_hook(keep((index, module), inputs))
            layer.post_attention_layernorm.register_forward_pre_hook(keep(index, middles))
            layer.register_forward_pre_hook(keep(index, streams))
        model.model.norm.register_forward_pre_hook(keep(len(model.model.layers), streams))
        with torch.no_grad():
            for sequence in ids:
                model(torch.tensor([sequence]))

        for (index, module), sequences in inputs.items():
            found = statistics(sequences, module in ("self_attn.o_proj", "mlp.down_proj"))
            for statistic, values in found.items():
                tensors[f"{index}.{module}.{statistic}"] = values
        for index in range(len(model.model.layers)):
            x, m, y = (numpy.concatenate(part) for part in (streams[index], middles[index], streams[index + 1]))
            tensors[f"{index}.cosines"] = numpy.array(
                [cosine(x, m).mean(), cosine(m, y).mean(), cosine(x, y).mean()])
        save_file({key: value.astype(numpy.float32) for key, value in tensors.items()},
                  output / f"{name}.safetensors")


if __name__ == "__main__":
    main()
