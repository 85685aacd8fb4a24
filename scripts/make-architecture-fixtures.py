#!/usr/bin/env python3
"""Makes Tests/Fixtures/architectures: what PyTorch computes of small models whose units are zeroed.

    scripts/make-architecture-fixtures.py REFERENCE

Wants transformers 5 and PyTorch, and the folder of reference values with its tiny models. For each model a file

<model>.safetensors    groups, channels   [layers, kept], int32: the units that stay, half of them, by Σ |w · ∂w|
                       logits             [2, 4, vocabulary] of the last four positions, the others zeroed

kernels.safetensors    the gate of GELU and the soft cap (scale 0.25, cap 50), with their gradients, computed in float64
"""
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

reference = pathlib.Path(sys.argv[1])
target = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/architectures"
target.mkdir(exist_ok=True)
MODELS = ["tiny/gemma2", "tiny/phi3"] + [
    f"tiny-more/{name}" for name in ("gemma3_text", "granite", "olmo2", "phi3_longrope", "smollm3")]


def parts(layer):
    """The projections' weights and gradients, rows of q, k, v, gate and up apart."""
    attention, mlp = layer.self_attn, layer.mlp
    config = attention.config
    head = attention.head_dim
    queries, keys = config.num_attention_heads * head, config.num_key_value_heads * head
    if hasattr(attention, "qkv_proj"):
        q, k, v = attention.qkv_proj.weight.split([queries, keys, keys])
        gq, gk, gv = attention.qkv_proj.weight.grad.split([queries, keys, keys])
        gate, up = mlp.gate_up_proj.weight.chunk(2)
        ggate, gup = mlp.gate_up_proj.weight.grad.chunk(2)
        rows = [(q, gq), (k, gk), (v, gv), (gate, ggate), (up, gup)]
    else:
        rows = [(module.weight, module.weight.grad) for module in (
            attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj)]
    columns = [(module.weight, module.weight.grad) for module in (attention.o_proj, mlp.down_proj)]
    return rows, columns, head, config.num_key_value_heads


def keep_half(layer):
    """Zeroes the less important half of a layer's units, and answers those that stay."""
    (q, k, v, gate, up), (o, down), head, groups = parts(layer)
    product = lambda pair: (pair[0] * pair[1]).abs()
    group = sum(product(pair).reshape(groups, -1).sum(1) for pair in (q, k, v))
    group = group + product(o).sum(0).reshape(groups, -1).sum(1)
    channel = product(gate).sum(1) + product(up).sum(1) + product(down).sum(0)
    kept_groups = group.topk(groups - groups // 2).indices.sort().values
    kept_channels = channel.topk(len(channel) - len(channel) // 2).indices.sort().values
    gone_groups = [g for g in range(groups) if g not in kept_groups.tolist()]
    gone_channels = [c for c in range(len(channel)) if c not in set(kept_channels.tolist())]
    for matrix in (q[0], k[0], v[0]):
        matrix.view(groups, -1, matrix.shape[1])[gone_groups] = 0
    o[0].view(o[0].shape[0], groups, -1)[:, gone_groups] = 0
    gate[0][gone_channels] = 0
    up[0][gone_channels] = 0
    down[0][:, gone_channels] = 0
    return kept_groups, kept_channels


for path in MODELS:
    model = AutoModelForCausalLM.from_pretrained(reference / path, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    ids = load_file(reference / path / "golden.safetensors")["input_ids"].long()
    model(input_ids=ids, labels=ids).loss.backward()
    with torch.no_grad():
        kept = [keep_half(layer) for layer in model.model.layers]
        logits = model(input_ids=ids).logits[:, -4:]
    save_file({
        "groups": torch.stack([groups for groups, _ in kept]).int(),
        "channels": torch.stack([channels for _, channels in kept]).int(),
        "logits": logits.contiguous(),
    }, target / f"{pathlib.Path(path).name}.safetensors")

torch.manual_seed(1)
tensors = {}
gate_up = (torch.randn(4, 2, 33, dtype=torch.float64) * torch.tensor([0.1, 1, 4, 20], dtype=torch.float64)[:, None, None])
gate_up = gate_up.float().double().requires_grad_()
d_out = torch.randn(4, 33).double()
out = torch.nn.functional.gelu(gate_up[:, 0], approximate="tanh") * gate_up[:, 1]
(out * d_out).sum().backward()
tensors |= {"gate_up": gate_up, "d_out": d_out, "out": out, "d_gate_up": gate_up.grad}
scores = (torch.randn(5, 40) * torch.tensor([0.01, 1, 30, 100, 900])[:, None]).double().requires_grad_()
d_capped = torch.randn(5, 40).double()
capped = 50 * torch.tanh(scores * 0.25 / 50)
(capped * d_capped).sum().backward()
tensors |= {"scores": scores, "d_capped": d_capped, "capped": capped, "d_scores": scores.grad}
save_file({name: value.detach().float().contiguous() for name, value in tensors.items()}, target / "kernels.safetensors")
