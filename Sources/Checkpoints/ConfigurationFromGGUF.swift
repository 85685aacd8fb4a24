extension ModelConfiguration {
  /// Reads the metadata of a GGUF file; biases and tying follow from which tensors there are.
  /// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#llm
  /// - Throws: `.unsupportedArchitecture`, `.unsupportedSetting` or `.malformed`, naming file and key.
  public init(gguf: GGUFFile) throws(CheckpointError) {
    let keys = GGUFKeys(gguf)
    guard let named = Architecture(rawValue: keys.architecture), named != .mistral else {
      throw .unsupportedArchitecture(file: gguf.path, found: keys.architecture)
    }
    if let type = gguf.metadata["general.type"], type != .string("model") {
      throw .unsupportedSetting(
        file: gguf.path, key: "general.type", found: type.summary,
        advice: "a whole model is expected; llama.cpp's llama-export-lora merges an adapter into one")
    }
    if let splits = keys.splits, splits > 1 {
      throw .unsupportedSetting(
        file: gguf.path, key: "split.count", found: "\(splits)",
        advice: "join the parts with llama.cpp's llama-gguf-split --merge")
    }
    try Self.refuseUnread(keys)
    let experts = try keys.size("expert_count", default: 0, atLeast: 0)
    guard experts == 0 else {
      throw .unsupportedSetting(
        file: gguf.path, key: keys.full("expert_count"), found: "\(experts)",
        advice: "mixtures of experts are not supported")
    }
    let hiddenSize = try keys.size("embedding_length")
    self.hiddenSize = hiddenSize
    let count = try keys.size("block_count")
    guard count <= 4096 else { throw keys.malformed("block_count", "at most 4096") }
    let queryHeads = try keys.sizes("attention.head_count", layers: count)
    let keyValueHeads =
      keys.has("attention.head_count_kv")
      ? try keys.sizes("attention.head_count_kv", layers: count) : queryHeads
    let intermediate = try keys.sizes("feed_forward_length", layers: count)
    let derived = queryHeads.first.flatMap { $0 > 0 && hiddenSize % $0 == 0 ? hiddenSize / $0 : nil }
    let headDimension = try keys.size("attention.key_length", default: derived)
    let window = try keys.size("attention.sliding_window", default: 0, atLeast: 0)
    // Mistral's files say “llama” as well; only the window tells them apart.
    architecture = named == .llama && window > 0 ? .mistral : named
    guard LayerShape.canTurn(headDimension: headDimension) else {
      throw keys.malformed(
        "attention.key_length", "an even number up to \(LayerShape.largestHead), not \(headDimension)")
    }
    for (key, name) in [("attention.value_length", "values"), ("rope.dimension_count", "rotated dimensions")]
    {
      let found = try keys.size(key, default: headDimension)
      guard found == headDimension else {
        throw .unsupportedSetting(
          file: gguf.path, key: keys.full(key), found: "\(found)",
          advice: "expected as many \(name) as a head has dimensions, \(headDimension)")
      }
    }
    var layers: [LayerShape] = []
    for index in 0..<count {
      let (queries, keyValues) = (queryHeads[index], keyValueHeads[index])
      guard LayerShape.areGroups(queryHeads: queries, keyValueHeads: keyValues) else {
        throw .malformed(
          file: gguf.path, place: "layer \(index)",
          expected: "attention.head_count to be a multiple of attention.head_count_kv",
          found: "\(queries) and \(keyValues)")
      }
      layers.append(
        LayerShape(
          queryHeads: queries, keyValueHeads: keyValues, headDimension: headDimension,
          intermediateSize: intermediate[index], slidingWindow: window > 0 ? window : nil))
    }
    self.layers = layers

    let embedding = gguf.tensors["token_embd.weight"]?.shape ?? []
    vocabularySize = try keys.size("vocab_size", default: embedding.first)
    rmsNormEpsilon = try keys.number("attention.layer_norm_rms_epsilon")
    rope = try RotaryEmbedding.read(keys, gguf: gguf, headDimension: headDimension)
    tiedEmbeddings = gguf.tensors["output.weight"] == nil
    func has(_ stem: String) -> Bool {
      gguf.tensors.keys.contains { $0.hasPrefix("blk.") && $0.hasSuffix(".\(stem).bias") }
    }
    biases = Biases(
      queryKeyValue: has("attn_q"), attentionOutput: has("attn_output"), gateUp: has("ffn_gate"),
      down: has("ffn_down"))
    design = DecoderDesign(queryKeyNorm: named == .qwen3 ? .perHead : .none)
    otherRopes = []
    maxPositions = try keys.size("context_length")
    beginningOfText = keys.token("tokenizer.ggml.bos_token_id")
    var ends: [Int] = []
    for key in ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"] {
      if let token = keys.token(key), !ends.contains(token) { ends.append(token) }
    }
    endOfText = ends
    let type = gguf.tensors["blk.0.ffn_down.weight"]?.type ?? .float32
    declaredType = type.isWritable ? type : .float32
    otherKeys = [:]
  }

  /// Keys by which llama.cpp changes the arithmetic of other architectures, and the values that change nothing.
  private static let unread: [(key: String, neutral: [GGUFValue])] = [
    ("attention.causal", [.bool(true)]), ("use_parallel_residual", [.bool(false)]),
    ("nextn_predict_layers", [.integer(0)]), ("attention.sliding_window_pattern", []),
    ("attention.scale", [.real(0)]), ("attention.temperature_scale", [.real(0)]),
    ("attention.clamp_kqv", [.real(0)]), ("attention.max_alibi_bias", [.real(0)]),
    ("attn_logit_softcapping", [.real(0)]), ("final_logit_softcapping", [.real(0)]),
    ("logit_scale", [.real(0), .real(1)]), ("residual_scale", [.real(0), .real(1)]),
    ("embedding_scale", [.real(0), .real(1)]),
  ]

  private static func refuseUnread(_ keys: GGUFKeys) throws(CheckpointError) {
    for (key, neutral) in unread {
      guard let value = keys.gguf.metadata[keys.full(key)], !neutral.contains(value) else { continue }
      throw .unsupportedSetting(
        file: keys.gguf.path, key: keys.full(key), found: value.summary,
        advice: "it changes what the model computes, and is not supported")
    }
  }
}
