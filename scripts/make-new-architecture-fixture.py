#!/usr/bin/env python3
"""Writes Tests/Fixtures/new-architecture: a model of an architecture that nobody has, and what PyTorch computes of it.

Wants PyTorch and safetensors. `NewArchitectureTests.swift` states the same architecture for the program. Each part of it
is some model's, and no model has them together:

    x  = 3 · embedding
    x += 0.7 · norm(attention(norm(x)))   norms of all queries and of all keys, scores · 0.4
    x += 0.7 · norm(mlp(norm(x)))         GELU by tanh
    logits = 5 · tanh(0.5 · (head · norm(x)) / 5)

Layer 0 turns queries and keys with theta 100, layer 1 turns nothing and sees 3 tokens, layer 2 has theta 10000.

golden.safetensors    input_ids [2, 10], logits and loss of the whole model, grad.<parameter> of each parameter
                      pruned.logits with the units zeroed that `GROUPS` and `CHANNELS` leave out
"""
import json
import pathlib

import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, embedding, gelu

TARGET = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/new-architecture"
VOCABULARY, HIDDEN, LENGTH, HEADS, KEY_HEADS, HEAD, CHANNELS_ALL = 24, 12, 10, 4, 2, 4, 10
EPSILON = 1e-5
# Theta of the rotation, and the window, of each layer.
LAYERS = [(100.0, None), (None, 3), (10000.0, None)]
# What stays, by layer.
GROUPS = [[1], [0, 1], [0]]
CHANNELS = [[0, 2, 3, 7, 9], list(range(10)), [1, 4]]


def make_weights():
    shapes = {"model.embed_tokens": (VOCABULARY, HIDDEN), "model.norm": (HIDDEN,), "lm_head": (VOCABULARY, HIDDEN)}
    for layer in range(len(LAYERS)):
        place = f"model.layers.{layer}."
        for norm in ("input", "post_attention", "pre_feedforward", "post_feedforward"):
            shapes[f"{place}{norm}_layernorm"] = (HIDDEN,)
        for name, heads in (("q", HEADS), ("k", KEY_HEADS), ("v", KEY_HEADS)):
            shapes[f"{place}self_attn.{name}_proj"] = (heads * HEAD, HIDDEN)
        shapes[f"{place}self_attn.o_proj"] = (HIDDEN, HEADS * HEAD)
        shapes[f"{place}self_attn.q_norm"] = (HEADS * HEAD,)
        shapes[f"{place}self_attn.k_norm"] = (KEY_HEADS * HEAD,)
        shapes[f"{place}mlp.gate_proj"] = shapes[f"{place}mlp.up_proj"] = (CHANNELS_ALL, HIDDEN)
        shapes[f"{place}mlp.down_proj"] = (HIDDEN, CHANNELS_ALL)
    return {
        name + ".weight": (torch.randn(shape) * 0.4 + (1 if "norm" in name else 0)).requires_grad_()
        for name, shape in shapes.items()
    }


def norm(x, weight):
    return x / (x.pow(2).mean(-1, keepdim=True) + EPSILON).sqrt() * weight


def turn(x, theta):
    if theta is None:
        return x
    half = HEAD // 2
    angles = torch.arange(LENGTH)[:, None] * theta ** (-torch.arange(half) / half)
    low, high = x[..., :half], x[..., half:]
    return torch.cat([low * angles.cos() - high * angles.sin(), high * angles.cos() + low * angles.sin()], -1)


def logits_of(weights, ids):
    x = 3 * embedding(ids, weights["model.embed_tokens.weight"])
    for layer, (theta, window) in enumerate(LAYERS):
        w = lambda name: weights[f"model.layers.{layer}.{name}.weight"]
        heads = lambda y: y.unflatten(-1, (-1, HEAD)).transpose(1, 2)
        n = norm(x, w("input_layernorm"))
        q = turn(heads(norm(n @ w("self_attn.q_proj").T, w("self_attn.q_norm"))), theta)
        k = turn(heads(norm(n @ w("self_attn.k_proj").T, w("self_attn.k_norm"))), theta)
        v = heads(n @ w("self_attn.v_proj").T)
        k, v = (y.repeat_interleave(HEADS // KEY_HEADS, 1) for y in (k, v))
        distance = torch.arange(LENGTH)[:, None] - torch.arange(LENGTH)[None]
        hidden = (distance < 0) | (distance >= (window or LENGTH))
        scores = (0.4 * q @ k.transpose(2, 3)).masked_fill(hidden, float("-inf"))
        attended = (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)
        x = x + 0.7 * norm(attended @ w("self_attn.o_proj").T, w("post_attention_layernorm"))
        n = norm(x, w("pre_feedforward_layernorm"))
        a = gelu(n @ w("mlp.gate_proj").T, approximate="tanh") * (n @ w("mlp.up_proj").T)
        x = x + 0.7 * norm(a @ w("mlp.down_proj").T, w("post_feedforward_layernorm"))
    return 5 * (0.5 * (norm(x, weights["model.norm.weight"]) @ weights["lm_head.weight"].T) / 5).tanh()


def pruned(weights):
    """The same weights with zeros for the units that leave. The norms of queries and keys still divide by all elements."""
    weights = {name: value.detach().clone() for name, value in weights.items()}
    for layer, (groups, channels) in enumerate(zip(GROUPS, CHANNELS)):
        w = lambda name: weights[f"model.layers.{layer}.{name}.weight"]
        for group in set(range(KEY_HEADS)) - set(groups):
            for name in ("q", "k", "v"):
                w(f"self_attn.{name}_proj").unflatten(0, (KEY_HEADS, -1))[group] = 0
            w("self_attn.o_proj").unflatten(1, (KEY_HEADS, -1))[:, group] = 0
        gone = [channel for channel in range(CHANNELS_ALL) if channel not in channels]
        w("mlp.gate_proj")[gone] = w("mlp.up_proj")[gone] = 0
        w("mlp.down_proj")[:, gone] = 0
    return weights


torch.manual_seed(20261201)
torch.set_num_threads(1)
weights = make_weights()
ids = torch.randint(0, VOCABULARY, (2, LENGTH))
logits = logits_of(weights, ids)
loss = cross_entropy(logits[:, :-1].reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1))
loss.backward()

TARGET.mkdir(parents=True, exist_ok=True)
config = {
    "architectures": ["SandwichForCausalLM"], "model_type": "sandwich", "vocab_size": VOCABULARY, "hidden_size": HIDDEN,
    "num_hidden_layers": len(LAYERS), "num_attention_heads": HEADS, "num_key_value_heads": KEY_HEADS, "head_dim": HEAD,
    "intermediate_size": CHANNELS_ALL, "hidden_act": "gelu_pytorch_tanh", "rms_norm_eps": EPSILON,
    "max_position_embeddings": 64, "tie_word_embeddings": False, "dtype": "float32",
}
(TARGET / "config.json").write_text(json.dumps(config, indent=1) + "\n")
save_file({name: value.detach() for name, value in weights.items()}, TARGET / "model.safetensors", {"format": "pt"})
golden = {f"grad.{name}": value.grad for name, value in weights.items()}
golden |= {
    "input_ids": ids.to(torch.int32), "logits": logits.detach(), "loss": loss.detach()[None],
    "pruned.logits": logits_of(pruned(weights), ids),
}
save_file({name: value.contiguous() for name, value in golden.items()}, TARGET / "golden.safetensors", {"format": "pt"})
print(f"loss {loss.item():.6f}")
