#!/usr/bin/env python3
"""Writes Tests/Fixtures/Checkpoints/configurations.json: what transformers makes of config.json files that leave keys out.

Wants transformers 5 and PyTorch. Each entry has a config.json and what the class and the model take from it.
"""

import json
import pathlib

import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

TARGET = pathlib.Path(__file__).parent.parent / "Tests/Fixtures/Checkpoints/configurations.json"

ARCHITECTURES = ["llama", "mistral", "qwen2", "qwen3"]
OTHERS = ["gemma2", "gemma3_text", "phi3", "olmo2", "smollm3", "granite"]
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
SHORT = {"num_hidden_layers": 3}

CASES = [{"model_type": name} for name in ARCHITECTURES]
CASES += [{"model_type": name, **SHORT, "num_key_value_heads": None, "num_attention_heads": 16} for name in ARCHITECTURES
          if name != "mistral"]  # whose class takes no null
CASES += [{"model_type": name, **SHORT, "eos_token_id": None, "bos_token_id": None} for name in ARCHITECTURES]
# Llama's class refuses heads that do not divide the hidden size, the others drop the remainder.
CASES += [{"model_type": name, **SHORT, "eos_token_id": [5, 7], "hidden_size": 96 if name == "llama" else 100,
           "num_attention_heads": 24, "num_key_value_heads": 8} for name in ARCHITECTURES if name != "qwen3"]
CASES += [
    {"model_type": "mistral", **SHORT, "sliding_window": None},
    {"model_type": "mistral", **SHORT, "sliding_window": 16},
    {"model_type": "qwen2", **SHORT, "use_sliding_window": True, "max_window_layers": 1},
    {"model_type": "qwen2", **SHORT, "use_sliding_window": True},
    {"model_type": "qwen3", **SHORT, "use_sliding_window": True, "sliding_window": None, "max_window_layers": 0},
    {"model_type": "qwen3", **SHORT, "use_sliding_window": True, "sliding_window": 9,
     "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]},
    {"model_type": "qwen3", **SHORT, "sliding_window": 9, "layer_types": ["full_attention"] * 3},
]
for keys in [
    {"rope_theta": 5000.0},
    {"rope_scaling": None, "rope_theta": 5000.0},
    {"rope_parameters": {"rope_theta": 5000.0}},
    {"rope_parameters": {"rope_type": "default"}, "rope_theta": 5000.0},
    {"rope_scaling": {}, "rope_parameters": {"rope_type": "linear", "factor": 3.0}},
    {"rope_scaling": {"type": "linear", "factor": 4.0}},
    {"rope_scaling": {"factor": 4.0}},
    {"rope_scaling": {"type": "linear", "rope_type": "default", "factor": 4.0}},
    {"rope_scaling": {"type": "linear", "factor": 4.0}, "rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 1e4}},
    {"rope_scaling": {**LLAMA3, "original_max_position_embeddings": 64}, "rope_theta": 5e5},
    {"rope_scaling": LLAMA3, "max_position_embeddings": 512},
    {"rope_scaling": {**LLAMA3, "original_max_position_embeddings": 64}, "original_max_position_embeddings": 1024},
]:
    CASES.append({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, **SHORT, **keys})
CASES += [{"model_type": name, **keys} for name in OTHERS for keys in [
    {}, SHORT, {**SHORT, "eos_token_id": None, "bos_token_id": None}, {**SHORT, "tie_word_embeddings": name == "phi3"},
    {**SHORT, "rope_theta": 5000.0},
]]
CASES += [
    {"model_type": "gemma2", **SHORT, "attn_logit_softcapping": None, "final_logit_softcapping": None},
    {"model_type": "gemma2", **SHORT, "sliding_window": 16, "query_pre_attn_scalar": 144},
    {"model_type": "gemma3_text", "num_hidden_layers": 8, "sliding_window_pattern": 4, "rope_local_base_freq": 500.0},
    {"model_type": "phi3", **SHORT, "sliding_window": 16, "num_key_value_heads": None},
    {"model_type": "smollm3", "num_hidden_layers": 6, "no_rope_layer_interval": 3},
    {"model_type": "smollm3", "num_hidden_layers": 5, "use_sliding_window": True, "sliding_window": 16},
    {"model_type": "granite", **SHORT, "attention_multiplier": 0.5, "logits_scaling": 4.0, "residual_multiplier": 0.25,
     "embedding_multiplier": 12.0, "attention_bias": True, "mlp_bias": True},
]


def windows(config):
    if config.model_type in ["llama", "olmo2", "granite"]:
        return [None] * config.num_hidden_layers
    if config.model_type in ["mistral", "phi3"]:
        return [config.sliding_window] * config.num_hidden_layers
    return [config.sliding_window if kind == "sliding_attention" else None for kind in config.layer_types]


def thetas(config):
    """The base of each layer's frequencies; None where queries and keys are not turned."""
    if config.model_type == "gemma3_text":
        return [config.rope_parameters[kind]["rope_theta"] for kind in config.layer_types]
    turns = getattr(config, "no_rope_layers", None) or [1] * config.num_hidden_layers
    return [config.rope_parameters["rope_theta"] if turn else None for turn in turns]


def design(config):
    """What modeling_*.py computes with: scales, caps and multipliers."""
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    name = config.model_type
    gemma = name.startswith("gemma")
    scale = config.query_pre_attn_scalar ** -0.5 if gemma else head ** -0.5
    return {
        "attention_scale": config.attention_multiplier if name == "granite" else scale,
        # Gemma3Attention does not hand it on.
        "attention_cap": config.attn_logit_softcapping if name == "gemma2" else None,
        "final_cap": config.final_logit_softcapping if gemma else None,
        "embedding_scale": config.hidden_size ** 0.5 if gemma else getattr(config, "embedding_multiplier", 1.0),
        "residual_multiplier": getattr(config, "residual_multiplier", 1.0),
        "logit_scale": 1 / getattr(config, "logits_scaling", 1.0),
    }


def expected(keys):
    keys = json.loads(json.dumps(keys))
    name = keys.pop("model_type")
    config = CONFIG_MAPPING[name].from_dict(keys)
    heads = config.num_attention_heads
    ends = config.eos_token_id
    return {
        "vocab_size": config.vocab_size, "hidden_size": config.hidden_size, "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": heads, "num_key_value_heads": config.num_key_value_heads,
        "head_dim": getattr(config, "head_dim", None) or config.hidden_size // heads,
        "intermediate_size": config.intermediate_size, "rms_norm_eps": config.rms_norm_eps,
        "max_position_embeddings": config.max_position_embeddings, "tie_word_embeddings": config.tie_word_embeddings,
        "attention_bias": name == "qwen2" or getattr(config, "attention_bias", False),
        "mlp_bias": getattr(config, "mlp_bias", False),
        "hidden_act": config.hidden_activation if name.startswith("gemma") else config.hidden_act,
        "bos_token_id": config.bos_token_id, "eos_token_id": [] if ends is None else ends if isinstance(ends, list) else [ends],
        "windows": windows(config),
        "design": design(config),
        "thetas": thetas(config),
        # The rotary embedding of these models is the same class under other names.
        "frequencies": LlamaRotaryEmbedding(config).inv_freq.tolist() if name in ARCHITECTURES else None,
    }


transformers.utils.logging.set_verbosity_error()
cases = [{"config": case, "expected": expected(case)} for case in CASES]
lines = ",\n".join(json.dumps(case) for case in cases)
TARGET.write_text('{"transformers": "%s", "cases": [\n%s\n]}\n' % (transformers.__version__, lines))
print(f"{len(cases)} cases")
