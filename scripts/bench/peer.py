#!/usr/bin/env python3
"""PyTorch and transformers doing the same work, as a worker that the benchmark's driver talks to.

    peer.py --model FILE.gguf --threads N

Reads one JSON object a line from standard input and answers each with one JSON line. Ids are given with every
command, so that both sides work on the same ones.

    {"command": "describe"}                                  sizes of the model, versions
    {"command": "calibrate", "ids": [[…]], "batch_size": 16} as the published Adapt-Pruner code does it
    {"command": "calibrate_fused", …}                        the fastest way found to get the same numbers
    {"command": "forward", "ids": [[…]]}                     logits and mean loss, through transformers' own head
    {"command": "forward_chunked", "ids": [[…]]}             the same, the head a sequence at a time
    {"command": "train", "ids": [[…]], "learning_rate": 1e-5} one step as users write it, see below
    {"command": "sgemm"}                                     the rate of a large float32 product, {"gflops": …}
    {"command": "nll", "ids": [[…]]}                         mean negative log-likelihood of each sequence
    {"command": "quit"}

Answers hold "seconds", "tokens", "loss" and "peak_rss_bytes" (of this command alone, where the kernel allows
resetting it); the calibrations also "importance_sum" and "similarities", and training "grad_norm", by which the
driver sees that both sides computed the same. A command that isn't known is answered by an error that begins with
"unknown command".

After a training step, out of its time, the model gets its weights back: the next command starts where this one did.
The optimizer's state stays, as in the midst of a training.
"""

import argparse
import json
import math
import resource
import sys
import time

import gguf
import numpy
import torch
import transformers


# Reading the model

def read_gguf(path):
    """The model's sizes, and its weights in float32 under transformers' names."""
    reader = gguf.GGUFReader(path)

    def field(name):
        entry = reader.fields.get(name)
        return None if entry is None else entry.contents()

    if field("general.architecture") != "llama":
        sys.exit(f"peer: {path} is of the architecture {field('general.architecture')}, not llama")
    heads = field("llama.attention.head_count")
    key_value_heads = field("llama.attention.head_count_kv") or heads
    tensors = {tensor.name: tensor for tensor in reader.tensors}

    def widened(name):
        tensor = tensors[name]
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        return numpy.array(values, dtype=numpy.float32, order="C")

    def unpermuted(matrix, head_count):
        # llama.cpp's converter pairs rotary dimension i with i + head_dim/2 by reordering the rows of q and k.
        rows, columns = matrix.shape
        return matrix.reshape(head_count, rows // head_count // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)

    weights = {
        "model.embed_tokens.weight": widened("token_embd.weight"),
        "model.norm.weight": widened("output_norm.weight"),
    }
    if "output.weight" in tensors:
        weights["lm_head.weight"] = widened("output.weight")
    for layer in range(field("llama.block_count")):
        of, to = f"blk.{layer}.", f"model.layers.{layer}."
        weights[to + "input_layernorm.weight"] = widened(of + "attn_norm.weight")
        weights[to + "post_attention_layernorm.weight"] = widened(of + "ffn_norm.weight")
        weights[to + "self_attn.q_proj.weight"] = unpermuted(widened(of + "attn_q.weight"), heads)
        weights[to + "self_attn.k_proj.weight"] = unpermuted(widened(of + "attn_k.weight"), key_value_heads)
        weights[to + "self_attn.v_proj.weight"] = widened(of + "attn_v.weight")
        weights[to + "self_attn.o_proj.weight"] = widened(of + "attn_output.weight")
        weights[to + "mlp.gate_proj.weight"] = widened(of + "ffn_gate.weight")
        weights[to + "mlp.up_proj.weight"] = widened(of + "ffn_up.weight")
        weights[to + "mlp.down_proj.weight"] = widened(of + "ffn_down.weight")

    vocabulary, hidden = weights["model.embed_tokens.weight"].shape
    config = transformers.LlamaConfig(
        hidden_size=hidden,
        intermediate_size=field("llama.feed_forward_length"),
        num_hidden_layers=field("llama.block_count"),
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads,
        vocab_size=vocabulary,
        max_position_embeddings=field("llama.context_length"),
        rms_norm_eps=field("llama.attention.layer_norm_rms_epsilon"),
        rope_theta=field("llama.rope.freq_base"),
        rope_parameters={"rope_type": "default", "rope_theta": field("llama.rope.freq_base")},
        tie_word_embeddings="lm_head.weight" not in weights,
        use_cache=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    return config, weights


def load(path):
    config, weights = read_gguf(path)
    config._attn_implementation = "sdpa"
    model = transformers.LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(
        {name: torch.from_numpy(values) for name, values in weights.items()}, strict=False)
    missing = [name for name in missing if not (name == "lm_head.weight" and config.tie_word_embeddings)]
    if missing or unexpected:
        sys.exit(f"peer: {path} lacks {missing} and has the unknown {unexpected}")
    model.tie_weights()
    return model.float().eval()


# The commands

class SimilarityHooks:
    """Sums, over mini-batches, the mean cosine of what enters and leaves each decoder layer."""

    def __init__(self, layers):
        self.sums = [0.0] * len(layers)
        self.handles = [
            layer.register_forward_hook(self.hook(index), with_kwargs=True) for index, layer in enumerate(layers)
        ]

    def hook(self, index):
        def record(module, positional, named, output):
            entering = positional[0] if positional else named["hidden_states"]
            leaving = output[0] if isinstance(output, tuple) else output
            with torch.no_grad():
                cosine = torch.nn.functional.cosine_similarity(entering.detach(), leaving.detach(), dim=-1)
                self.sums[index] += cosine.mean().item()
        return record

    def remove(self):
        for handle in self.handles:
            handle.remove()


def first_order_importances(model):
    """Σ|w·∂w| for every MLP channel and key-value group, summed over the matrices of the unit."""
    scores = []
    with torch.no_grad():
        for layer in model.model.layers:
            mlp, attention = layer.mlp, layer.self_attn

            def rows(linear):
                return (linear.weight * linear.weight.grad).abs_().sum(1)

            def columns(linear):
                return (linear.weight * linear.weight.grad).abs_().sum(0)

            channels = rows(mlp.gate_proj) + rows(mlp.up_proj) + columns(mlp.down_proj)
            groups = model.config.num_key_value_heads
            group_scores = sum(
                part.view(groups, -1).sum(1)
                for part in (rows(attention.q_proj), rows(attention.k_proj), rows(attention.v_proj),
                             columns(attention.o_proj)))
            scores.append((channels, group_scores))
    return scores


def answer_to_calibration(losses, scores, similarities):
    return {
        "loss": sum(losses) / len(losses),
        "importance_sum": float(sum(c.double().sum() + g.double().sum() for c, g in scores)),
        "similarities": similarities,
    }


def calibrate(model, ids, batch_size):
    """The order of work of the published code: gradients of everything, then a second forward for similarities."""
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    model.zero_grad(set_to_none=True)
    losses = []
    for batch in ids.split(batch_size):
        loss = model(batch, labels=batch).loss
        loss.backward()
        losses.append(loss.item())
    hooks = SimilarityHooks(model.model.layers)
    with torch.no_grad():
        for batch in ids.split(batch_size):
            model(batch)
    hooks.remove()
    scores = first_order_importances(model)
    model.zero_grad(set_to_none=True)
    return answer_to_calibration(losses, scores, hooks.sums), scores


def calibrate_fused(model, ids, batch_size):
    """One forward for both, and gradients of the scored matrices alone: none of head, embedding and norms."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("_proj." in name)
    model.zero_grad(set_to_none=True)
    hooks = SimilarityHooks(model.model.layers)
    losses = []
    for batch in ids.split(batch_size):
        loss = model(batch, labels=batch).loss
        loss.backward()
        losses.append(loss.item())
    hooks.remove()
    scores = first_order_importances(model)
    model.zero_grad(set_to_none=True)
    return answer_to_calibration(losses, scores, hooks.sums), scores


@torch.inference_mode()
def forward(model, ids):
    return {"loss": model(ids, labels=ids).loss.item()}


@torch.inference_mode()
def nll(model, ids):
    """By sequence. The head a sequence at a time: the logits of one stay in the cache that those of all leave."""
    states = model.model(ids).last_hidden_state
    return [
        torch.nn.functional.cross_entropy(model.lm_head(state[:-1]), sequence[1:]).item()
        for state, sequence in zip(states, ids)
    ]


def forward_chunked(model, ids):
    by_sequence = nll(model, ids)
    return {"loss": sum(by_sequence) / len(by_sequence)}


class Trainer:
    """A training step of the whole model, and AdamW's moments from one call to the next."""

    def __init__(self, path):
        self.path = path
        self.optimizer = None

    def step(self, model, ids, learning_rate):
        model.train()
        for parameter in model.parameters():
            parameter.requires_grad_(True)  # the calibrations may have left some frozen
        if self.optimizer is None:
            self.optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        loss = model(ids, labels=ids).loss
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {"loss": loss.item(), "grad_norm": norm.item()}

    def restore(self, model):
        """From the file: a copy in memory would count as the step's."""
        _, weights = read_gguf(self.path)
        model.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()}, strict=False)
        model.eval()


def sgemm(size=2048, repeats=5):
    """The best of several, as on our side."""
    left, right = torch.rand(size, size), torch.rand(size, size)
    torch.mm(left, right)
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - start)
    return {"gflops": 2 * size**3 / best / 1e9}


def describe(model):
    config = model.config
    return {
        "name": "PyTorch",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__,
                     "numpy": numpy.__version__, "python": sys.version.split()[0]},
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "layers": config.num_hidden_layers,
        "hidden": config.hidden_size,
        "intermediate": config.intermediate_size,
        "heads": config.num_attention_heads,
        "key_value_heads": config.num_key_value_heads,
        "head_dim": model.model.layers[0].self_attn.head_dim,
        "vocabulary": config.vocab_size,
    }


# The worker

def reset_peak():
    """Lets the kernel forget the process's highest resident size, so that the next reading is a command's own."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def peak_rss_bytes():
    try:
        with open("/proc/self/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def carry_out(model, trainer, request):
    command = request.get("command")
    if command == "describe":
        return describe(model)
    if command == "sgemm":
        return sgemm()
    work = {
        "calibrate": lambda ids: calibrate(model, ids, request.get("batch_size", 16))[0],
        "calibrate_fused": lambda ids: calibrate_fused(model, ids, request.get("batch_size", 16))[0],
        "forward": lambda ids: forward(model, ids),
        "forward_chunked": lambda ids: forward_chunked(model, ids),
        "nll": lambda ids: {"nll": nll(model, ids)},
        "train": lambda ids: trainer.step(model, ids, request.get("learning_rate", 1e-5)),
    }.get(command)
    if work is None:
        return {"error": f"unknown command {command}"}
    ids = torch.tensor(request["ids"], dtype=torch.long)
    reset_peak()
    try:
        start = time.perf_counter()
        answer = work(ids)
        answer["seconds"] = time.perf_counter() - start
        answer["tokens"] = ids.numel()
        answer["peak_rss_bytes"] = peak_rss_bytes()
    finally:
        if command == "train":
            trainer.restore(model)
    return answer


def main():
    parser = argparse.ArgumentParser(description="PyTorch as the benchmark's peer")
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_num_interop_threads(1)
    transformers.logging.set_verbosity_error()
    model = load(arguments.model)
    trainer = Trainer(arguments.model)
    for line in sys.stdin:
        if not line.strip():
            continue
        request = json.loads(line)
        if request.get("command") == "quit":
            break
        try:
            answer = carry_out(model, trainer, request)
        except Exception as error:  # told to the driver, which decides whether to go on
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
