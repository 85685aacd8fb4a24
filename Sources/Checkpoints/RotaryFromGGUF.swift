extension RotaryEmbedding {
  /// Reads the rotary embedding as llama.cpp does (`load_hparams` in llama-model.cpp, `ggml_rope_ext`): the type is linear
  /// unless the file says otherwise, the factor stands under one of two names, and the divisors of `rope_freqs.weight`
  /// are applied besides.
  static func read(
    _ keys: GGUFKeys, also known: Set<String> = [], headDimension: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    let gguf = keys.gguf
    try keys.refuseOthers(
      under: "rope.",
      than: known.union([
        "rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor",
        "rope.scale_linear",
        "rope.scaling.attn_factor",
        // These two are told to whoever extends the context further.
        "rope.scaling.original_context_length", "rope.scaling.finetuned",
      ]))
    // It multiplies cosines and sines, whatever the type.
    let attention = try keys.number("rope.scaling.attn_factor", default: 1)
    guard attention == 1 else {
      throw .unsupportedSetting(
        file: gguf.path, key: keys.full("rope.scaling.attn_factor"), found: "\(attention)",
        advice: "expected 1: cosines and sines are not scaled here")
    }
    let theta = try keys.number("rope.freq_base", default: 10_000)
    let divisors = try divisors(gguf, GGUFNames.rotaryDivisors, count: headDimension / 2)
    let factor: Double
    switch try keys.word("rope.scaling.type") ?? "linear" {
    case "none": factor = 1
    case "linear":
      // The older name counts where the newer is not there; 0 stands for none.
      let key = keys.has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear"
      factor = keys.isZero(key) ? 1 : try keys.number(key, default: 1)
    case let other:
      throw .unsupportedSetting(
        file: gguf.path, key: keys.full("rope.scaling.type"), found: other,
        advice: "the supported rotary embeddings are none, linear and those with rope_freqs.weight")
    }
    if let divisors {
      return RotaryEmbedding(theta: theta, ggufDivisors: divisors, factor: factor)
    }
    return RotaryEmbedding(theta: theta, scaling: factor == 1 ? .none : .linear(factor: factor))
  }

  /// `[count]`, where the file has them.
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
