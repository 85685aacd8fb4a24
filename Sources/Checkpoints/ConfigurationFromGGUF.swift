import JSON

/// Reads a model's configuration from a GGUF file.
extension ModelConfiguration {
  /// Reads the metadata. Biases and tied embeddings follow from the file's tensors.
  /// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#llm
  /// - Throws: `.unsupportedArchitecture`, `.unsupportedSetting` or `.malformed`, naming file and key.
  public init(gguf: GGUFFile) throws(CheckpointError) {
    let keys = ConfigurationKeys(gguf)
    let name = String(keys.prefix.dropLast())
    guard let named = Architecture(ggufName: name) else {
      throw .unsupportedArchitecture(file: gguf.path, found: name)
    }
    if let type = gguf.metadata["general.type"], type != .string("model") {
      throw .unsupportedSetting(
        file: gguf.path, key: "general.type", found: type.summary,
        advice: "a whole model is expected; llama.cpp's llama-export-lora merges an adapter into one")
    }
    if case .integer(let splits)? = gguf.metadata["split.count"], splits > 1 {
      throw .unsupportedSetting(
        file: gguf.path, key: "split.count", found: "\(splits)",
        advice: "join the parts with llama.cpp's llama-gguf-split --merge")
    }
    try Self.refuseUnread(keys, but: named.rules.ggufKeys)
    guard try keys.size("expert_count", default: 0, atLeast: 0) == 0 else {
      throw keys.unsupported("expert_count", "mixtures of experts are not supported")
    }
    let hiddenSize = try keys.size("embedding_length")
    self.hiddenSize = hiddenSize
    var layers = try keys.heads(nil)
    let derived = layers.first.flatMap {
      $0.queryHeads > 0 && hiddenSize % $0.queryHeads == 0 ? hiddenSize / $0.queryHeads : nil
    }
    let headDimension = try keys.size("attention.key_length", default: derived)
    let window = try keys.size("attention.sliding_window", default: 0, atLeast: 0)
    architecture = named
    for index in layers.indices {
      layers[index].headDimension = headDimension
      layers[index].slidingWindow = window > 0 ? window : nil
    }
    try keys.checkHeadDimensions(layers)
    self.layers = layers
    for (key, name) in [("attention.value_length", "values"), ("rope.dimension_count", "rotated dimensions")]
    where !named.rules.ggufKeys.contains(key) {
      guard try keys.size(key, default: headDimension) == headDimension else {
        throw keys.unsupported(
          key, "expected as many \(name) as a head has dimensions, \(headDimension)")
      }
    }

    let embedding = gguf.tensors["token_embd.weight"]?.shape ?? []
    vocabularySize = try keys.size("vocab_size", default: embedding.first)
    rmsNormEpsilon = try keys.number("attention.layer_norm_rms_epsilon")
    ropes = [try named.rules.rope(keys, in: gguf, headDimension: headDimension)]
    tiedEmbeddings = gguf.tensors["output.weight"] == nil
    func has(_ stem: String) -> Bool {
      gguf.tensors.keys.contains { $0.hasPrefix("blk.") && $0.hasSuffix(".\(stem).bias") }
    }
    biases = Biases(
      queryKeyValue: has("attn_q"), attentionOutput: has("attn_output"), gateUp: has("ffn_gate"),
      down: has("ffn_down"))
    design = DecoderDesign()
    maxPositions = try keys.size("context_length")
    func tokens(_ names: String...) -> [Int] {
      names.compactMap {
        guard case .integer(let token)? = gguf.metadata["tokenizer.ggml.\($0)_token_id"],
          0...Int(Int32.max) ~= token
        else { return nil }
        return token
      }
    }
    beginningOfText = tokens("bos").first
    let ends = tokens("eos", "eot")
    endOfText = Set(ends).count == 1 ? [ends[0]] : ends
    let type = gguf.tensors["blk.0.ffn_down.weight"]?.type ?? .float32
    declaredType = type.isWritable ? type : .float32
    otherKeys = [:]
    try named.rules.finish(&self, gguf: keys)
  }

  /// Keys by which llama.cpp changes the arithmetic of other architectures, with the values that change nothing.
  private static let unread: [(key: String, neutral: [JSONValue])] = [
    ("attention.causal", [true]), ("use_parallel_residual", [false]), ("nextn_predict_layers", [0]),
    ("attention.sliding_window_pattern", []), ("attention.scale", [0.0]),
    ("attention.temperature_scale", [0.0]), ("attention.clamp_kqv", [0.0]),
    ("attention.max_alibi_bias", [0.0]), ("attn_logit_softcapping", [0.0]),
    ("final_logit_softcapping", [0.0]), ("logit_scale", [0.0, 1.0]), ("residual_scale", [0.0, 1.0]),
    ("embedding_scale", [0.0, 1.0]),
  ]

  private static func refuseUnread(
    _ keys: ConfigurationKeys, but read: Set<String>
  ) throws(CheckpointError) {
    for (key, neutral) in unread where !read.contains(key) {
      guard let value = keys[key], !neutral.contains(value) else { continue }
      throw keys.unsupported(key, "it changes what the model computes, and is not supported")
    }
  }
}
