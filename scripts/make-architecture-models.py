#!/usr/bin/env python3
"""Makes Tests/Fixtures/architectures/<name>/ and <name>.gguf: small random models by transformers, and as llama.cpp has them.

    scripts/make-architecture-models.py

Wants transformers 5, PyTorch and gguf 0.19. Each folder is what `save_pretrained` writes, with `expected.safetensors`:
input_ids [40] and logits [2, vocabulary] of its last token, after all 40 tokens and after the first 12. The GGUF files
follow the classes of conversion/ in llama.cpp: names, +1 in Gemma's norms, rows of q and k permuted where the class is
LlamaModel's, Phi-3's factors as tensors.
"""
import math
import pathlib
import re

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

folder = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/architectures"
SMALL = {
    "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 4, "num_key_value_heads": 2,
    "num_hidden_layers": 4, "max_position_embeddings": 128, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
    "initializer_range": 0.2, "attn_implementation": "eager",
}
WINDOW = {"sliding_window": 8, "query_pre_attn_scalar": 6, "head_dim": 6}
MODELS = {
    "gemma2": ("gemma2", WINDOW),
    "gemma3": ("gemma3_text", {
        **WINDOW, "num_hidden_layers": 7, "final_logit_softcapping": 3.0,
        "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 50000.0},
                            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}}),
    "phi3": ("phi3", {"original_max_position_embeddings": 16, "partial_rotary_factor": 0.5}),
    "phi3_longrope": ("phi3", {
        "original_max_position_embeddings": 16,
        "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.5], "long_factor": [1.25, 5.0]}}),
    "olmo2": ("olmo2", {}),
    "smollm3": ("smollm3", {"tie_word_embeddings": False}),
    "granite": ("granite", {"embedding_multiplier": 6.0, "attention_multiplier": 0.7, "residual_multiplier": 0.3,
                            "logits_scaling": 2.5, "attention_bias": True, "mlp_bias": True}),
}
NAMES = [
    ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"), ("model.layers", "blk"),
    ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"), ("self_attn.qkv_proj", "attn_qkv"), ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"), ("mlp.gate_up_proj", "ffn_up"), ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"), ("input_layernorm", "attn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"), ("pre_feedforward_layernorm", "ffn_norm"),
]


def permute(rows, heads):
    """LlamaModel.permute of conversion/llama.py."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(name, config, tensors):
    kind = name.split("_")[0]
    writer = gguf.GGUFWriter(folder / f"{name}.gguf", kind)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_file_type(1)
    rope = config.rope_parameters
    full = rope.get("full_attention", rope)
    if kind != "gemma2":
        writer.add_rope_freq_base(full["rope_theta"])
    if kind in ("gemma2", "gemma3"):
        writer.add_key_length(head)
        writer.add_value_length(head)
        writer.add_sliding_window(config.sliding_window)
    if kind == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
    if kind in ("gemma2", "gemma3") and config.final_logit_softcapping:
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if full.get("rope_type") == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(full["factor"])
    if kind == "phi3":
        original = config.original_max_position_embeddings
        writer.add_rope_scaling_orig_ctx_len(original)
        writer.add_rope_dimension_count(int(head * rope["partial_rotary_factor"]))
        writer.add_sliding_window(config.sliding_window or 0)
        if rope["rope_type"] == "longrope":
            scale = config.max_position_embeddings / original
            writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(original)))
            for which in ("long", "short"):
                writer.add_tensor(f"rope_factors_{which}.weight", np.array(rope[f"{which}_factor"], dtype=np.float32))
    if kind in ("smollm3", "granite"):
        writer.add_rope_dimension_count(head)
    if kind == "granite":
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([chr(0x100 + i) if i > 2 else f"<{i}>" for i in range(config.vocab_size)])
    writer.add_token_types([1 if i > 2 else 3 for i in range(config.vocab_size)])
    writer.add_token_merges([f"{chr(0x103)} {chr(0x104)}"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    for tensor, values in tensors.items():
        values = values.numpy()
        if kind in ("gemma2", "gemma3") and tensor.endswith("norm.weight"):
            values = values.astype(np.float32) + 1
        if kind in ("smollm3", "granite") and re.search("[qk]_proj", tensor):
            heads = config.num_attention_heads if "q_proj" in tensor else config.num_key_value_heads
            values = permute(values, heads)
        behind = kind in ("gemma2", "gemma3", "olmo2")
        for ours, theirs in NAMES + [("post_attention_layernorm", "post_attention_norm" if behind else "ffn_norm")]:
            tensor = tensor.replace(ours, theirs)
        writer.add_tensor(tensor, values.astype(np.float32) if values.ndim == 1 else values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


folder.mkdir(exist_ok=True)
for name, (kind, more) in MODELS.items():
    torch.manual_seed(7)
    config = CONFIG_MAPPING[kind](**{**SMALL, **more})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter, values in model.named_parameters():
            if values.ndim == 1:  # away from 1 and 0
                values += 0.3 * torch.randn_like(values)
            values.copy_(values.half().float())
        ids = torch.randint(3, config.vocab_size, (1, 40))
        logits = torch.cat([model(input_ids=ids[:, :length]).logits[:, -1] for length in (40, 12)])
    half = model.half()
    half.save_pretrained(folder / name)
    (folder / name / "generation_config.json").unlink(missing_ok=True)
    save_file({"input_ids": ids[0].int(), "logits": logits}, folder / name / "expected.safetensors")
    tensors = {key: value for key, value in half.state_dict().items()
               if not (config.tie_word_embeddings and key == "lm_head.weight")}
    write_gguf(name, config, tensors)
