#!/usr/bin/env python3
"""Writes Tests/Fixtures/head-sizes: a model whose layers have heads of different sizes, and what PyTorch makes of it.

Wants PyTorch, transformers 5 and safetensors. transformers has one rotary embedding for all layers, so its own decoder
layers are composed here, each with the embedding of its head size.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from transformers import Qwen3Config
from transformers.models.qwen3.modeling_qwen3 import Qwen3DecoderLayer, Qwen3RMSNorm, Qwen3RotaryEmbedding

TARGET = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/head-sizes"
VOCABULARY, HIDDEN, LENGTH = 24, 12, 10
# Query heads, key-value heads, head size and channels of each layer.
LAYERS = [(2, 1, 4, 10), (4, 2, 8, 6), (2, 2, 6, 8)]
SHARED = {
    "vocab_size": VOCABULARY, "hidden_size": HIDDEN, "rms_norm_eps": 1e-6, "max_position_embeddings": 64,
    "tie_word_embeddings": False, "hidden_act": "silu",
}


def main():
    torch.manual_seed(20261130)
    torch.set_num_threads(1)
    weights, forward = {}, []
    embedding = torch.nn.Parameter(torch.randn(VOCABULARY, HIDDEN) * 0.5)
    head = torch.nn.Parameter(torch.randn(VOCABULARY, HIDDEN) * 0.4)
    norm = Qwen3RMSNorm(HIDDEN, eps=1e-6)
    weights["model.embed_tokens.weight"] = embedding
    for index, (heads, groups, size, channels) in enumerate(LAYERS):
        config = Qwen3Config(
            **SHARED, num_hidden_layers=len(LAYERS), num_attention_heads=heads, num_key_value_heads=groups, head_dim=size,
            intermediate_size=channels, rope_theta=100.0)
        config._attn_implementation = "eager"
        layer = Qwen3DecoderLayer(config, layer_idx=index)
        for name, value in layer.named_parameters():
            with torch.no_grad():
                value.copy_(torch.randn_like(value) * 0.3 + ("norm" in name))
            weights[f"model.layers.{index}.{name}"] = value
        forward.append((layer, Qwen3RotaryEmbedding(config)))
    with torch.no_grad():
        norm.weight.copy_(1 + torch.randn(HIDDEN) * 0.3)
    weights["model.norm.weight"] = norm.weight
    weights["lm_head.weight"] = head

    ids = torch.randint(0, VOCABULARY, (2, LENGTH))
    positions = torch.arange(LENGTH)[None]
    mask = torch.full((LENGTH, LENGTH), float("-inf")).triu(1)[None, None]
    x = torch.nn.functional.embedding(ids, embedding)
    for layer, rotary in forward:
        x = layer(x, attention_mask=mask, position_ids=positions, position_embeddings=rotary(x, positions))
    logits = norm(x) @ head.T
    loss = torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, VOCABULARY), ids[:, 1:].reshape(-1))
    loss.backward()

    TARGET.mkdir(parents=True, exist_ok=True)
    columns = [list(column) for column in zip(*LAYERS)]
    config = {
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", **SHARED, "num_hidden_layers": len(LAYERS),
        "num_attention_heads": columns[0], "num_key_value_heads": columns[1], "head_dim": columns[2],
        "intermediate_size": columns[3], "rope_theta": 100.0, "dtype": "float32",
    }
    (TARGET / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    plain = {name: value.detach().contiguous() for name, value in weights.items()}
    save_file(plain, TARGET / "model.safetensors", metadata={"format": "pt"})
    golden = {f"grad.{name}": value.grad.contiguous() for name, value in weights.items()}
    golden |= {"input_ids": ids.to(torch.int32), "logits": logits.detach().contiguous(), "loss": loss.detach()[None]}
    save_file(golden, TARGET / "golden.safetensors", metadata={"format": "pt"})
    print(f"loss {loss.item():.6f}")


main()
