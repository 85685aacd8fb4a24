#!/usr/bin/env python3
"""Makes Tests/Fixtures/Checkpoints: what the `gguf` package of llama.cpp says about small GGUF files.

    pip install gguf==0.19.0 safetensors==0.8.0 numpy
    scripts/make-gguf-fixture.py

blocks.gguf               random blocks of every type that we widen, one tensor each
blocks.safetensors        the same tensors as gguf.dequantize widens them
llama/                    a random Llama (grouped-query attention, biases, Llama 3's RoPE) for transformers
llama.gguf                the same model as llama.cpp's converter lays it out
qwen2.gguf                the same weights as a Qwen2, whose rows the converter leaves alone
"""
import json
import pathlib

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Q
from safetensors.numpy import save_file

folder = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/Checkpoints"
rng = np.random.default_rng(20240501)

# MARK: Blocks

# Where a block has its half-precision scales; random bytes there would give infinities.
SCALES = {
    Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2], Q.Q8_0: [0],
    Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208],
}
ROWS, COLUMNS = 4, 256


def halves(count):
    values = rng.normal(0, 0.02, count).astype(np.float16)
    values[0] = np.float16(6e-8)  # subnormal
    return values


def blocks():
    writer = gguf.GGUFWriter(folder / "blocks.gguf", "llama")
    expected = {}
    for kind, offsets in SCALES.items():
        block, size = gguf.GGML_QUANT_SIZES[kind]
        count = ROWS * COLUMNS // block
        raw = rng.integers(0, 256, (count, size), dtype=np.uint8)
        for offset in offsets:
            raw[:, offset:offset + 2] = halves(count).view(np.uint8).reshape(count, 2)
        raw = raw.reshape(ROWS, -1)
        writer.add_tensor(kind.name, raw, raw_dtype=kind)
        expected[kind.name] = gguf.dequantize(raw, kind).reshape(ROWS, COLUMNS).astype(np.float32)
    bits = rng.integers(0, 1 << 16, (ROWS, COLUMNS), dtype=np.uint16)
    bits[0, :8] = [0, 0x8000, 1, 0x8001, 0x3ff, 0x400, 0x7bff, 0xfbff]
    bits[(bits & 0x7c00) == 0x7c00] &= 0x83ff  # NaNs are compared elsewhere
    writer.add_tensor("F16", bits.view(np.float16))
    expected["F16"] = bits.view(np.float16).astype(np.float32)
    bits[(bits & 0x7f80) == 0x7f80] &= 0x807f
    writer.add_tensor("BF16", bits.view(np.uint8), raw_dtype=Q.BF16)
    expected["BF16"] = (bits.astype(np.uint32) << 16).view(np.float32)
    close(writer)
    save_file(expected, folder / "blocks.safetensors")


# MARK: Models

HIDDEN, HEADS, KV_HEADS, HEAD, MIDDLE, VOCABULARY, LAYERS = 32, 4, 2, 8, 48, 64, 2
THETA, FACTOR, LOW, HIGH, ORIGINAL = 500000.0, 8.0, 1.0, 4.0, 8192


def weights():
    def random(*shape):
        return rng.normal(0, 0.1, shape).astype(np.float16)

    tensors = {"model.embed_tokens.weight": random(VOCABULARY, HIDDEN), "lm_head.weight": random(VOCABULARY, HIDDEN),
               "model.norm.weight": random(HIDDEN)}
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        for name, rows, columns in [
            ("self_attn.q_proj", HEADS * HEAD, HIDDEN), ("self_attn.k_proj", KV_HEADS * HEAD, HIDDEN),
            ("self_attn.v_proj", KV_HEADS * HEAD, HIDDEN), ("self_attn.o_proj", HIDDEN, HEADS * HEAD),
            ("mlp.gate_proj", MIDDLE, HIDDEN), ("mlp.up_proj", MIDDLE, HIDDEN), ("mlp.down_proj", HIDDEN, MIDDLE),
        ]:
            tensors[f"{prefix}{name}.weight"] = random(rows, columns)
            if name.startswith("self_attn"):
                tensors[f"{prefix}{name}.bias"] = random(rows)
        tensors[f"{prefix}input_layernorm.weight"] = random(HIDDEN)
        tensors[f"{prefix}post_attention_layernorm.weight"] = random(HIDDEN)
    return tensors


GGUF_NAMES = [
    ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
    ("model.layers", "blk"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"), ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"), ("input_layernorm", "attn_norm"),
    ("post_attention_layernorm", "ffn_norm"),
]


def permute(rows, heads):
    """LlamaModel.permute of convert_hf_to_gguf.py."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def llama3_divisors():
    frequencies = THETA ** -(np.arange(0, HEAD, 2, dtype=np.float64) / HEAD)
    result = []
    for wavelength in 2 * np.pi / frequencies:
        smooth = (ORIGINAL / wavelength - LOW) / (HIGH - LOW)
        if wavelength < ORIGINAL / HIGH:
            result.append(1)
        elif wavelength > ORIGINAL / LOW:
            result.append(FACTOR)
        else:
            result.append(1 / ((1 - smooth) / FACTOR + smooth))
    return np.array(result, dtype=np.float32)


def model_gguf(architecture, tensors):
    writer = gguf.GGUFWriter(folder / f"{architecture}.gguf", architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(131072)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(MIDDLE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(THETA)
    writer.add_rope_dimension_count(HEAD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"token{i}" for i in range(VOCABULARY)])
    writer.add_token_scores([i / 4 for i in range(VOCABULARY)])
    writer.add_token_types([1] * VOCABULARY)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    if architecture == "llama":
        writer.add_tensor("rope_freqs.weight", llama3_divisors())
    for name, values in tensors.items():
        if architecture == "qwen2" and name.endswith("o_proj.bias"):
            continue
        if architecture == "llama" and ("q_proj" in name or "k_proj" in name):
            values = permute(values, HEADS if "q_proj" in name else KV_HEADS)
        for ours, theirs in GGUF_NAMES:
            name = name.replace(ours, theirs)
        writer.add_tensor(name, values.astype(np.float32) if values.ndim == 1 else values)
    close(writer)


def models():
    tensors = weights()
    (folder / "llama").mkdir(exist_ok=True)
    save_file(tensors, folder / "llama/model.safetensors", metadata={"format": "pt"})
    configuration = {
        "architectures": ["LlamaForCausalLM"], "attention_bias": True, "bos_token_id": 1, "eos_token_id": 2,
        "dtype": "float16", "head_dim": HEAD, "hidden_act": "silu", "hidden_size": HIDDEN,
        "intermediate_size": MIDDLE, "max_position_embeddings": 131072, "mlp_bias": False, "model_type": "llama",
        "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "num_key_value_heads": KV_HEADS,
        "rms_norm_eps": 1e-5,
        "rope_parameters": {
            "factor": FACTOR, "high_freq_factor": HIGH, "low_freq_factor": LOW,
            "original_max_position_embeddings": ORIGINAL, "rope_theta": THETA, "rope_type": "llama3"},
        "tie_word_embeddings": False, "vocab_size": VOCABULARY,
    }
    (folder / "llama/config.json").write_text(json.dumps(configuration, indent=2) + "\n")
    model_gguf("llama", tensors)
    model_gguf("qwen2", tensors)


def close(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


folder.mkdir(parents=True, exist_ok=True)
blocks()
models()
