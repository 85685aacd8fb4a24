#!/usr/bin/env python3
"""Makes Tests/Fixtures/training: small models, and what PyTorch makes of them by training.

    make-training-fixtures.py [--output FOLDER]

Needs a Python with torch and transformers (and the safetensors and numpy that come with them). What is stored was
made with Python 3.11.7, torch 2.13.0 (CPU), transformers 5.23.0, safetensors 0.8.0 and numpy 2.4.6, on one thread.

Every case is computed twice: in float32, as a trainer would, and in float64, with the places that transformers
computes in float32 whatever the model's type (RMS norms, rotary angles) replaced by float64 ones. The two must agree
to 1e-5. What is written is float64's result, rounded once: the better of the two numbers.

Each document runs as a sequence of its own. That a row of several documents gives the same losses when it runs
whole, with a block-diagonal mask and positions that start again, is checked for every row.

The README.md beside the files says what is in them.
"""

import argparse
import json
import math
import pathlib
import re
import sys
import types

import numpy
import torch
import torch.nn.functional as F
import transformers
from safetensors.numpy import save_file

AGREEMENT = 1e-5  # of float32 with float64, absolute
# Adam's first steps are as long for a gradient of 1e-8 as for one of 1: where one is that small, rounding decides.
# With these seeds none is: float32 stays within 2e-6, also when it takes the documents in reverse.
SEEDS = {"llama": 20260106, "qwen3": 20260102}
ROW, VOCABULARY = 24, 96
HIDDEN, MIDDLE, HEADS, KEY_VALUE_HEADS = 32, 40, 4, 2
BETAS, EPSILON, DECAY, RATE = (0.9, 0.95), 1e-8, 0.1, 1e-3
TEMPERATURE, DISTILLATION, HIDDEN_COEFFICIENT = 2.0, 0.7, 0.5
RANK, ALPHA = 4, 8
ADAPTED = ["self_attn.q_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.down_proj"]
# Sublayers, with the norm before each, that the cases called cut-… go without: of Llama's layer 1 both.
NORM_BEFORE = {"self_attn": "input_layernorm", "mlp": "post_attention_layernorm"}
REMOVED = {
    "llama": [(0, "self_attn"), (1, "self_attn"), (1, "mlp"), (2, "mlp")],
    "qwen3": [(0, "mlp"), (1, "self_attn")],
}
# The layer that the shallow model goes without.
SHALLOW = {"llama": 1, "qwen3": 0}


# MARK: Models

SHARED = {
    "hidden_size": HIDDEN, "intermediate_size": MIDDLE, "num_attention_heads": HEADS,
    "num_key_value_heads": KEY_VALUE_HEADS, "vocab_size": VOCABULARY, "max_position_embeddings": 256,
    "hidden_act": "silu", "bos_token_id": 1, "eos_token_id": 2, "dtype": "float32",
}
CONFIGURATIONS = {
    "llama": {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", **SHARED, "num_hidden_layers": 3, "head_dim": 8,
        "attention_bias": False, "mlp_bias": False, "tie_word_embeddings": True, "rms_norm_eps": 1e-5,
        "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    },
    # Heads together wider than the residual stream; biases, norms of queries and keys, a head of its own.
    "qwen3": {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **SHARED, "num_hidden_layers": 2, "head_dim": 12,
        "attention_bias": True, "tie_word_embeddings": False, "rms_norm_eps": 1e-6, "use_sliding_window": False,
        "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
    },
}


def empty_model(name, precision, **changes):
    arguments = {key: value for key, value in (CONFIGURATIONS[name] | changes).items()
                 if key not in ("architectures", "model_type", "dtype")}
    config, kind = {
        "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
        "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
    }[name]
    config = config(**arguments)
    config._attn_implementation = "sdpa"
    model = kind(config).to(precision)
    if precision == torch.float64:
        make_exact(model, arguments["rope_parameters"]["rope_theta"], arguments["head_dim"])
    return model.train()


def make_exact(model, theta, head):
    """float64 where transformers goes through float32 whatever the model's type."""
    def norm(self, states):
        variance = states.pow(2).mean(-1, keepdim=True)
        return self.weight * (states * torch.rsqrt(variance + self.variance_epsilon))

    def rotary(self, states, position_ids):
        frequencies = theta ** (-torch.arange(0, head, 2, dtype=torch.float64) / head)
        angles = position_ids[..., None].double() * frequencies
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    for module in model.modules():
        if type(module).__name__.endswith("RMSNorm"):
            module.forward = types.MethodType(norm, module)
        elif type(module).__name__.endswith("RotaryEmbedding"):
            module.forward = types.MethodType(rotary, module)


def random_weights(name, rng):
    """Larger than a trainer's initial weights, so that no gradient drowns in float32's rounding."""
    weights = {}
    for key, parameter in empty_model(name, torch.float32).named_parameters():
        noise = rng.normal(size=tuple(parameter.shape))
        if key.endswith("bias"):
            values = 0.2 * noise
        elif parameter.ndim == 1:
            values = 1 + 0.2 * noise
        elif "embed" in key or "lm_head" in key:
            values = 0.4 * noise
        else:
            values = noise / math.sqrt(parameter.shape[1])
        weights[key] = values.astype(numpy.float32)
    return weights


def model_of(name, weights, precision, removed=()):
    model = empty_model(name, precision)
    missing, unexpected = model.load_state_dict(
        {key: torch.from_numpy(values).to(precision) for key, values in weights.items()}, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    for layer, sublayer in removed:
        setattr(model.model.layers[layer], sublayer, Removed(sublayer))
        setattr(model.model.layers[layer], NORM_BEFORE[sublayer], torch.nn.Identity())
    return model


class Removed(torch.nn.Module):
    """Adds nothing to the residual stream."""

    def __init__(self, sublayer):
        super().__init__()
        self.is_attention = sublayer == "self_attn"

    def forward(self, hidden_states, **_):
        nothing = torch.zeros_like(hidden_states)
        return (nothing, None) if self.is_attention else nothing


def shallow_logits(name, weights, ids):
    """Of transformers' own model with a layer fewer, the layers after the one that is gone numbered anew."""
    gone, count = SHALLOW[name], CONFIGURATIONS[name]["num_hidden_layers"]
    model = empty_model(name, torch.float64, num_hidden_layers=count - 1)
    renamed = {}
    for key, values in weights.items():
        parts = key.split(".")
        if parts[1] == "layers":
            if int(parts[2]) == gone:
                continue
            parts[2] = str(int(parts[2]) - (int(parts[2]) > gone))
        renamed[".".join(parts)] = torch.from_numpy(values).double()
    missing, unexpected = model.load_state_dict(renamed, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    with torch.no_grad():
        return model(input_ids=torch.tensor(ids)[None], use_cache=False).logits[0]


# MARK: Rows

def row(rng, documents=(ROW,), share=1.0):
    """A row of `documents`' lengths; of the tokens that have one before them in their document, `share` are targets."""
    assert sum(documents) == ROW
    targets = []
    for length in documents:
        targets += [0] + [int(rng.random() < share) for _ in range(length - 1)]
    return {"ids": [int(token) for token in rng.integers(0, VOCABULARY, ROW)], "documents": list(documents),
            "targets": targets}


def batch(rng, rows=2, **options):
    return [row(rng, **options) for _ in range(rows)]


def documents(micro_batch):
    """Ids and target flags of each document of each row."""
    for line in micro_batch:
        start = 0
        for length in line["documents"]:
            part = slice(start, start + length)
            yield torch.tensor(line["ids"][part]), torch.tensor(line["targets"][part]).bool()
            start += length


# MARK: Losses

class LayerOutputs:
    """The residual stream as it leaves each decoder layer but the last, from hooks on the layers themselves."""

    def __init__(self, model):
        self.outputs = []
        for layer in list(model.model.layers)[:-1]:
            layer.register_forward_hook(
                lambda module, _, output: self.outputs.append(output[0] if isinstance(output, tuple) else output))

    def taken(self):
        outputs, self.outputs = self.outputs, []
        return outputs


def run(model, ids, streams):
    logits = model(input_ids=ids[None], use_cache=False).logits[0]
    return logits, streams.taken()


def counts(micro_batches):
    rows = [line for micro_batch in micro_batches for line in micro_batch]
    return sum(sum(line["targets"]) for line in rows), sum(len(line["ids"]) for line in rows)


def micro_batch_terms(case, student, teacher, micro_batch):
    """Sums over one micro-batch: cross-entropy and divergence over targets, squared difference over all tokens."""
    model, streams = student
    entropy = divergence = difference = torch.zeros((), dtype=next(model.parameters()).dtype)
    for ids, targets in documents(micro_batch):
        logits, states = run(model, ids, streams)
        # The logits at a position say the next token.
        predicting = torch.nonzero(targets[1:]).flatten()
        chosen = logits[predicting]
        entropy = entropy + F.cross_entropy(chosen, ids[predicting + 1], reduction="sum")
        if teacher is None:
            continue
        with torch.no_grad():
            teacher_logits, teacher_states = run(teacher[0], ids, teacher[1])
        t = case["temperature"]
        divergence = divergence + F.kl_div(
            F.log_softmax(chosen / t, -1), F.log_softmax(teacher_logits[predicting] / t, -1), reduction="sum",
            log_target=True)
        for mine, theirs in zip(states, teacher_states, strict=True):
            difference = difference + (mine - theirs).pow(2).sum() / (len(states) * HIDDEN)
    return entropy, divergence, difference


def backward(case, student, teacher, micro_batches):
    """Accumulates the step's gradients a micro-batch at a time; the step's mean terms."""
    targets, tokens = counts(micro_batches)
    means = [0.0, 0.0, 0.0]
    w, t, c = case.get("distillation", 0), case.get("temperature", 1), case.get("hidden_coefficient", 0)
    for micro_batch in micro_batches:
        entropy, divergence, difference = micro_batch_terms(case, student, teacher, micro_batch)
        terms = (entropy / targets, divergence / targets, difference / tokens)
        loss = (1 - w) * terms[0]
        if teacher is not None:
            loss = loss + w * t**2 * terms[1] + c * terms[2]
        loss.backward()
        means = [mean + term.item() for mean, term in zip(means, terms)]
    record = {"loss": (1 - w) * means[0] + (w * t**2 * means[1] + c * means[2] if teacher is not None else 0)}
    if teacher is not None:
        record |= {"cross_entropy": means[0], "divergence": means[1], "hidden": means[2]}
    return record


# MARK: LoRA

class Adapted(torch.nn.Module):
    """W + alpha/r · B · A in the place of W."""

    def __init__(self, linear, a, b):
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.lora_A, self.lora_B = torch.nn.Parameter(a), torch.nn.Parameter(b)

    def merged(self):
        return self.weight + ALPHA / RANK * self.lora_B @ self.lora_A

    def forward(self, x):
        return F.linear(x, self.merged(), self.bias)


def adapted_matrices(model):
    for index, layer in enumerate(model.model.layers):
        for path in ADAPTED:
            block, name = path.split(".")
            if not isinstance(getattr(layer, block), Removed):
                yield f"model.layers.{index}.{path}", getattr(layer, block), name


def adapters(name, rng, zero, removed=()):
    """A and B of every adapted matrix: A [rank, in], B [out, rank]."""
    values = {}
    for path, block, key in adapted_matrices(empty_model(name, torch.float32)):
        if any(path.startswith(f"model.layers.{layer}.{sublayer}.") for layer, sublayer in removed):
            continue
        rows, columns = getattr(block, key).weight.shape
        values[path + ".lora_A.weight"] = (rng.normal(size=(RANK, columns)) / math.sqrt(columns)).astype(numpy.float32)
        b = numpy.zeros((rows, RANK)) if zero else 0.1 * rng.normal(size=(rows, RANK))
        values[path + ".lora_B.weight"] = b.astype(numpy.float32)
    return values


def adapt(model, values, precision):
    """Puts the adapters in; what is trained, and a function that merges."""
    model.requires_grad_(False)
    trained, places = {}, {}
    for path, block, key in list(adapted_matrices(model)):
        a, b = (torch.tensor(values[f"{path}.lora_{side}.weight"], dtype=precision) for side in "AB")
        module = places[path + ".weight"] = Adapted(getattr(block, key), a, b)
        setattr(block, key, module)
        trained |= {path + ".lora_A.weight": module.lora_A, path + ".lora_B.weight": module.lora_B}
    return trained, lambda: {path: module.merged().detach() for path, module in places.items()}


# MARK: Training

def train(name, weights, teacher_weights, case, precision):
    """Records of the steps, and the tensors that are written, by file."""
    model = model_of(name, weights, precision, case.get("removed", ()))
    teacher = None
    if case.get("teacher"):
        teacher = model_of(name, teacher_weights, precision).requires_grad_(False)
        teacher = (teacher, LayerOutputs(teacher))
    merged = None
    if "adapters" in case:
        trained, merged = adapt(model, case["adapters"], precision)
    else:
        trained = dict(model.named_parameters())
        if case.get("vectors_only"):
            model.requires_grad_(False)
            trained = {key: parameter.requires_grad_(True) for key, parameter in trained.items() if parameter.ndim == 1}
    student = (model, LayerOutputs(model))

    optimizer = torch.optim.AdamW([
        {"params": [parameter for parameter in trained.values() if parameter.ndim == 2], "weight_decay": DECAY},
        {"params": [parameter for parameter in trained.values() if parameter.ndim == 1], "weight_decay": 0.0},
    ], lr=RATE, betas=BETAS, eps=EPSILON)
    records, files = [], {}
    for index, step in enumerate(case["steps"]):
        optimizer.zero_grad()
        record = backward(case, student, teacher, step["micro_batches"])
        if index == 0 and case.get("gradients"):
            files["gradients"] = {key: parameter.grad.clone() for key, parameter in trained.items()}
        bound = case.get("clip", math.inf)
        record["gradient_norm"] = torch.nn.utils.clip_grad_norm_(trained.values(), bound).item()
        for group in optimizer.param_groups:
            group["lr"] = step["learning_rate"]
        optimizer.step()
        records.append(record)
    files["after"] = {key: parameter.detach().clone() for key, parameter in trained.items()}
    if merged:
        files["merged"] = merged()
    return records, files


def furthest(left, right):
    return max(float((left[key].double() - right[key]).abs().max()) for key in right)


def checked_case(name, weights, teacher_weights, title, case):
    """float64's answer, and how far float32's is from it."""
    single = train(name, weights, teacher_weights, case, torch.float32)
    double = train(name, weights, teacher_weights, case, torch.float64)
    apart = {file: furthest(single[1][file], double[1][file]) for file in double[1]}
    apart["loss"] = max(abs(a["loss"] - b["loss"]) for a, b in zip(single[0], double[0], strict=True))
    apart["gradient_norm"] = max(
        abs(a["gradient_norm"] / b["gradient_norm"] - 1) for a, b in zip(single[0], double[0], strict=True))
    print(f"{name} {title}: float32 is away by " + ", ".join(f"{key} {value:.1e}" for key, value in apart.items()))
    wide = {key: value for key, value in apart.items() if value > AGREEMENT}
    if wide:
        sys.exit(f"{name} {title}: float32 and float64 are too far apart: {wide}")
    return double[0], double[1], apart


def check_packing(name, weights, case):
    """Rows run whole, under a block-diagonal mask, give the losses that their documents give one by one."""
    model = model_of(name, weights, torch.float64, case.get("removed", ()))
    streams = LayerOutputs(model)
    for step in case["steps"]:
        for micro_batch in step["micro_batches"]:
            for line in micro_batch:
                alone = torch.cat([
                    F.cross_entropy(run(model, ids, streams)[0][:-1], ids[1:], reduction="none")
                    for ids, _ in documents([line])]).detach()
                owner = torch.repeat_interleave(
                    torch.arange(len(line["documents"])), torch.tensor(line["documents"]))
                seen = (owner[:, None] == owner[None, :]) & torch.ones(ROW, ROW).tril().bool()
                mask = torch.zeros(ROW, ROW, dtype=torch.float64).masked_fill(~seen, -math.inf)
                positions = torch.cat([torch.arange(length) for length in line["documents"]])
                ids = torch.tensor(line["ids"])
                logits = model(input_ids=ids[None], attention_mask=mask[None, None], position_ids=positions[None],
                               use_cache=False).logits[0].detach()
                streams.taken()
                packed = F.cross_entropy(logits[:-1], ids[1:], reduction="none")[owner[1:] == owner[:-1]]
                assert (packed - alone).abs().max() < 1e-10, f"{name}: packing changes losses"


# MARK: Cases

def steps(rng, rates, make):
    return [{"learning_rate": rate, "micro_batches": make(index)} for index, rate in enumerate(rates)]


PACKED = [(9, 15), (5, 1, 7, 11), (12, 12), (2, 3, 19), (24,), (8, 8, 8)]


def packed_batches(rng):
    return [[row(rng, lengths, 0.6) for lengths in PACKED[:3]], [row(rng, lengths, 0.6) for lengths in PACKED[3:]]]


def cases(name, rng):
    whole = lambda _: [batch(rng)]
    few_or_many = [1.0, 0.1, 0.5, 0.1, 1.0, 0.1, 0.3, 1.0, 0.1, 0.2]
    schedule = [0.0, 5e-4, 1e-3, 1e-3, 1e-3, 8e-4, 6e-4, 4e-4, 2e-4, 1e-4]
    distillation = {
        "teacher": f"{name}-teacher", "distillation": DISTILLATION, "temperature": TEMPERATURE, "gradients": True}
    return {
        "one-step": {"steps": steps(rng, [RATE], whole)},
        "schedule": {"steps": steps(rng, schedule, whole)},
        # Gradients of few targets are large and of many small, so that the bound changes the proportions of the
        # steps: of a constant factor Adam would take no notice.
        "clipped": {
            "clip": 9.0,
            "steps": steps(rng, [RATE] * 10, lambda index: [batch(rng, share=few_or_many[index])])},
        "accumulated": {
            "steps": steps(
                rng, [RATE] * 2, lambda _: [batch(rng), batch(rng, 1, share=0.5), batch(rng, 3, share=0.1)])},
        "packed": {"gradients": True, "steps": steps(rng, [RATE] * 3, lambda _: packed_batches(rng))},
        "norms-and-biases": {"vectors_only": True, "gradients": True, "steps": steps(rng, [RATE] * 5, whole)},
        "lora-from-zero": {
            "adapters": adapters(name, rng, zero=True), "gradients": True, "steps": steps(rng, [RATE] * 5, whole)},
        "lora": {
            "adapters": adapters(name, rng, zero=False), "gradients": True, "steps": steps(rng, [RATE] * 5, whole)},
        "distillation": {**distillation, "steps": steps(rng, [RATE] * 3, lambda _: packed_batches(rng))},
        "distillation-hidden": {
            **distillation, "hidden_coefficient": HIDDEN_COEFFICIENT,
            "steps": steps(rng, [RATE] * 3, lambda _: packed_batches(rng))},
        "cut": {
            "removed": REMOVED[name], "gradients": True,
            "steps": steps(rng, [RATE] * 3, lambda _: packed_batches(rng))},
        "cut-norms-and-biases": {
            "removed": REMOVED[name], "vectors_only": True, "steps": steps(rng, [RATE] * 3, whole)},
        "cut-lora": {
            "removed": REMOVED[name], "adapters": adapters(name, rng, zero=False, removed=REMOVED[name]),
            "steps": steps(rng, [RATE] * 3, whole)},
        "cut-distillation-hidden": {
            **distillation, "gradients": False, "removed": REMOVED[name], "hidden_coefficient": HIDDEN_COEFFICIENT,
            "steps": steps(rng, [RATE] * 2, lambda _: packed_batches(rng))},
    }


def write_json(path, value):
    """Indented, but lists of numbers on one line."""
    text = json.dumps(value, indent=1)
    number = r"-?[\d.]+(?:e[+-]?\d+)?"
    text = re.sub(
        rf"\[\s+({number}(?:,\s+{number})*)\s+\]", lambda found: "[" + re.sub(r"\s+", " ", found[1]) + "]", text)
    path.write_text(text + "\n")


def save(path, tensors):
    save_file({key: numpy.ascontiguousarray(tensor, dtype=numpy.float32) for key, tensor in tensors.items()}, path,
              metadata={"format": "pt"})


def write_checkpoint(folder, name, weights):
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", CONFIGURATIONS[name])
    save(folder / "model.safetensors", weights)


def write_model(output, name, seed):
    rng = numpy.random.default_rng(seed)
    weights = random_weights(name, rng)
    # Near enough to be a teacher, far enough to differ.
    teacher = {key: (values + 0.5 * (other - (values.ndim == 1 and not key.endswith("bias")))).astype(numpy.float32)
               for (key, values), other in zip(weights.items(), random_weights(name, rng).values(), strict=True)}
    write_checkpoint(output / name, name, weights)
    write_checkpoint(output / f"{name}-teacher", name, teacher)
    folder = output / f"{name}-golden"
    folder.mkdir(exist_ok=True)
    written = {}
    for title, case in cases(name, rng).items():
        check_packing(name, weights, case)
        records, files, apart = checked_case(name, weights, teacher, title, case)
        if "clip" in case:
            clipped = sum(record["gradient_norm"] > case["clip"] for record in records)
            free = train(name, weights, teacher, {**case, "clip": math.inf}, torch.float64)[1]["after"]
            difference = furthest(free, files["after"])
            print(f"{name} {title}: {clipped} of {len(records)} clipped, unclipped is away by {difference:.1e}; norms "
                  + ", ".join(f"{record['gradient_norm']:.1f}" for record in records))
            assert 0 < clipped < len(records) and difference > 100 * AGREEMENT
        entry = {key: case[key] for key in ("clip", "teacher", "distillation", "temperature", "hidden_coefficient",
                                            "removed") if key in case}
        if "adapters" in case:
            entry |= {"rank": RANK, "alpha": ALPHA, "adapted": ADAPTED}
            files["start"] = case["adapters"]
        for file, tensors in files.items():
            save(folder / f"{title}.{file}.safetensors", tensors)
        entry["trained"] = "adapters" if "adapters" in case else "vectors" if case.get("vectors_only") else "all"
        entry["files"] = {file: f"{title}.{file}.safetensors" for file in sorted(files)}
        entry["float32_distance"] = apart
        entry["steps"] = [
            {"learning_rate": step["learning_rate"], **record, "target_count": counts(step["micro_batches"])[0],
             "micro_batches": step["micro_batches"]}
            for step, record in zip(case["steps"], records, strict=True)]
        written[title] = entry
    ids = [int(token) for token in rng.integers(0, VOCABULARY, ROW)]
    save(folder / "shallow.safetensors", {"logits": shallow_logits(name, weights, ids)})
    write_json(folder / "cases.json", {
        "checkpoint": name,
        "shallow": {"removed_layer": SHALLOW[name], "ids": ids, "file": "shallow.safetensors"},
        "optimizer": {"name": "AdamW", "betas": list(BETAS), "epsilon": EPSILON, "weight_decay": DECAY},
        "decayed": [key for key, values in weights.items() if values.ndim == 2],
        "not_decayed": [key for key, values in weights.items() if values.ndim == 1],
        "cases": written,
    })


# MARK: Schedules

def multipliers(make, count, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = make(optimizer, **options)
    values = []
    for _ in range(count + 1):
        values.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return values


def write_schedules(path):
    total, beyond = 20, 23  # and what is asked for after the end
    entries = [
        {"schedule": "constant", "num_warmup_steps": warm_up, "multipliers": multipliers(
            transformers.get_constant_schedule_with_warmup, beyond, num_warmup_steps=warm_up)}
        for warm_up in (0, 5)]
    for name, make in (("linear", transformers.get_linear_schedule_with_warmup),
                       ("cosine", transformers.get_cosine_schedule_with_warmup)):
        for warm_up in (0, 5):
            entries.append({
                "schedule": name, "num_warmup_steps": warm_up, "num_training_steps": total, "multipliers": multipliers(
                    make, beyond, num_warmup_steps=warm_up, num_training_steps=total)})
    for decay in ("linear", "cosine", "1-sqrt"):
        for least in (0.0, 0.1):
            for warm_up in (0, 4):
                options = {"num_warmup_steps": warm_up, "num_decay_steps": 6, "num_training_steps": total,
                           "warmup_type": "linear", "decay_type": decay, "min_lr_ratio": least}
                entries.append({"schedule": "wsd", **options, "multipliers": multipliers(
                    transformers.get_wsd_schedule, beyond, **options)})
    write_json(path, entries)


def main():
    parser = argparse.ArgumentParser(description="Makes Tests/Fixtures/training with PyTorch and transformers.")
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/training")
    output = parser.parse_args().output
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    output.mkdir(parents=True, exist_ok=True)
    for name in CONFIGURATIONS:
        write_model(output, name, SEEDS[name])
    write_schedules(output / "schedules.json")
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    print(f"{size / 1e6:.2f} MB in {output}")


if __name__ == "__main__":
    main()
