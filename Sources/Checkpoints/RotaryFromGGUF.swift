/// Reads the rotary embedding of a GGUF file.
extension RotaryEmbedding {
  /// Follows llama.cpp (`load_hparams` in llama-model.cpp, `ggml_rope_ext`). The type is linear unless the file names
  /// another. The factor has one of two keys. The divisors of `rope_freqs.weight` apply besides.
  static func read(
    _ keys: ConfigurationKeys, in gguf: GGUFFile, also known: Set<String> = [], headDimension: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    try keys.refuseOthers(
      under: "rope.",
      than: known.union([
        "rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor",
        "rope.scale_linear", "rope.scaling.attn_factor",
        // These two only inform programs that extend the context further.
        "rope.scaling.original_context_length", "rope.scaling.finetuned",
      ]))
    // It multiplies cosines and sines, whatever the type.
    guard try keys.number("rope.scaling.attn_factor", default: 1) == 1 else {
      throw keys.unsupported("rope.scaling.attn_factor", "expected 1: cosines and sines are not scaled here")
    }
    let theta = try keys.number("rope.freq_base", default: 10_000)
    let divisors = try divisors(gguf, GGUFNames.rotaryDivisors, count: headDimension / 2)
    let factor: Double
    switch try keys.word("rope.scaling.type") ?? "linear" {
    case "none": factor = 1
    case "linear":
      // The older key counts where the newer is absent. 0 stands for none.
      let key = keys["rope.scaling.factor"] == nil ? "rope.scale_linear" : "rope.scaling.factor"
      factor = keys[key]?.numberValue == 0 ? 1 : try keys.number(key, default: 1)
    case let other:
      throw keys.unsupported(
        "rope.scaling.type", found: other,
        "the supported rotary embeddings are none, linear and those with rope_freqs.weight")
    }
    if let divisors {
      return RotaryEmbedding(theta: theta, ggufDivisors: divisors, factor: factor)
    }
    return RotaryEmbedding(theta: theta, scaling: factor == 1 ? .none : .linear(factor: factor))
  }

  /// Reads `[count]` divisors; nil if the file has no such tensor.
  static func divisors(_ gguf: GGUFFile, _ name: String, count: Int) throws(CheckpointError) -> [Float]? {
    guard let tensor = gguf.tensors[name] else { return nil }
    guard tensor.shape == [count] else {
      throw .shapeMismatch(
        file: gguf.path, tensor: tensor.name, expected: [count], found: tensor.shape, advice: "")
    }
    let divisors = try tensor.floats()
    guard divisors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw .malformed(
        file: gguf.path, place: tensor.name, expected: "finite divisors above 0", found: "others")
    }
    return divisors
  }
}
