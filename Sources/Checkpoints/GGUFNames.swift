/// GGUF's names of tensors in Hugging Face's words.
/// Source: `TENSOR_NAMES` and `TensorNameMap` in llama.cpp's gguf-py, constants.py and tensor_mapping.py.
enum GGUFNames {
  private static let outside = [
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
  ]

  private static let inLayer = [
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
  ]

  /// `[headDimension / 2]`: no parameter, but what each frequency of the rotary embedding is divided by.
  static let rotaryDivisors = "rope_freqs.weight"

  /// `blk.3.attn_q.weight` to `model.layers.3.self_attn.q_proj.weight`; nil for a name that is not known.
  static func huggingFaceName(of name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2, let stem = outside[parts[0]], isParameter(parts[1]) { return "\(stem).\(parts[1])" }
    if parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0, String(layer) == parts[1],
      let stem = inLayer[parts[2]], isParameter(parts[3])
    {
      return "model.layers.\(layer).\(stem).\(parts[3])"
    }
    return nil
  }

  private static func isParameter(_ word: String) -> Bool { word == "weight" || word == "bias" }
}
