#!/usr/bin/env python3
"""Makes Tests/Fixtures/saving: small quantised GGUF files with all that one can say beside its weights.

    pip install gguf==0.19.0 numpy
    scripts/make-saving-fixtures.py

chat.gguf               a random Llama in Q8_0 (norms in float32) with a tokenizer of single bytes, chat templates, two
                        ends of a text, settings for sampling, and facts about the model
unknown-tokenizer.gguf  the same weights with a tokenizer that nobody has heard of, and a chat template
"""
import pathlib

import gguf
import numpy as np

folder = pathlib.Path(__file__).resolve().parent.parent / "Tests/Fixtures/saving"
HIDDEN, CHANNELS, HEADS, VOCABULARY = 32, 32, 4, 260
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def weights(writer):
    rng = np.random.default_rng(7)

    def matrix(name, rows, columns):
        values = rng.normal(0, 0.1, (rows, columns)).astype(np.float32)
        quantised = gguf.quantize(values, gguf.GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    def norm(name):
        writer.add_tensor(name, (1 + rng.normal(0, 0.1, HIDDEN)).astype(np.float32))

    matrix("token_embd.weight", VOCABULARY, HIDDEN)
    norm("output_norm.weight")
    for name, rows, columns in [
        ("attn_q", HIDDEN, HIDDEN), ("attn_k", HIDDEN // 2, HIDDEN), ("attn_v", HIDDEN // 2, HIDDEN),
        ("attn_output", HIDDEN, HIDDEN), ("ffn_gate", CHANNELS, HIDDEN), ("ffn_up", CHANNELS, HIDDEN),
        ("ffn_down", HIDDEN, CHANNELS),
    ]:
        matrix(f"blk.0.{name}.weight", rows, columns)
    norm("blk.0.attn_norm.weight")
    norm("blk.0.ffn_norm.weight")


def write(name, tokenizer):
    writer = gguf.GGUFWriter(folder / name, "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(CHANNELS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_vocab_size(VOCABULARY)
    tokenizer(writer)
    weights(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def known(writer):
    writer.add_name("A small model")
    writer.add_license("apache-2.0")
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>", "<|end|>"] + BYTES)
    writer.add_token_scores([0.0] * VOCABULARY)
    writer.add_token_types([2, 3, 3, 3] + [6] * 256)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_eot_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_chat_template([
        {"name": "default", "template": "{{ bos_token }}{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }}{% endfor %}"},
        {"name": "tool_use", "template": "tools: {{ tools }}"},
    ])
    # gguf-py mends names; a hostile file has them as they are.
    writer.add_string("tokenizer.chat_template.../../evil", "x")
    writer.add_string("tokenizer.chat_template.default", "y")
    writer.add_float32("general.sampling.temp", 0.5)
    writer.add_int32("general.sampling.top_k", 40)
    writer.add_int32("general.sampling.penalty_last_n", 64)
    writer.add_uint32("tokenizer.ggml.mask_token_id", 0)


def unknown(writer):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("not-heard-of")
    writer.add_token_list([f"t{index}" for index in range(VOCABULARY)])
    writer.add_token_types([1] * VOCABULARY)
    writer.add_token_merges(["t 1"])
    writer.add_chat_template("{{ messages }}")


folder.mkdir(parents=True, exist_ok=True)
write("chat.gguf", known)
write("unknown-tokenizer.gguf", unknown)
