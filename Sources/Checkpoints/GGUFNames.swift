/// Translates GGUF's names of tensors into Hugging Face's.
/// Source: `TENSOR_NAMES` and `TensorNameMap` in llama.cpp's gguf-py, constants.py and tensor_mapping.py.
struct GGUFNames {
  private static let outside = [
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
  ]

  /// `[headDimension / 2]`: the divisors of the rotary embedding's frequencies. They are not parameters.
  static let rotaryDivisors = "rope_freqs.weight"

  private var inLayer: [String: String] = [:]

  /// Lists all tensors that layers of such an architecture may have, whether this model has them or not.
  init(_ design: DecoderDesign) {
    var design = design
    if design.queryKeyNorm == .none { design.queryKeyNorm = .perHead }
    for spec in ParameterSpec.list(design, Biases()) {
      guard let stem = spec.fused?.gguf ?? spec.role.gguf else { continue }
      inLayer[stem] = spec.fused?.module ?? spec.module
    }
  }

  /// Turns `blk.3.attn_q.weight` into `model.layers.3.self_attn.q_proj.weight`; nil for an unknown name.
  func huggingFaceName(of name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 2, let stem = Self.outside[parts[0]], Self.isParameter(parts[1]) {
      return "\(stem).\(parts[1])"
    }
    if parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), layer >= 0, String(layer) == parts[1],
      let stem = inLayer[parts[2]], Self.isParameter(parts[3])
    {
      return "model.layers.\(layer).\(stem).\(parts[3])"
    }
    return nil
  }

  private static func isParameter(_ word: String) -> Bool { word == "weight" || word == "bias" }
}
