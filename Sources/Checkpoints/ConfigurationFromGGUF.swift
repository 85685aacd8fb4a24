import OrderedCollections

extension ModelConfiguration {
  /// Reads the metadata of a GGUF file; biases and tying follow from which tensors there are.
  /// Keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md#llm
  /// - Throws: `.unsupportedArchitecture`, `.unsupportedSetting` or `.malformed`, naming file and key.
  public init(gguf: GGUFFile) throws(CheckpointError) {
    let keys = GGUFKeys(gguf)
    guard let named = Architecture(rawValue: keys.architecture), named != .mistral else {
      throw .unsupportedArchitecture(file: gguf.path, found: keys.architecture)
    }
    if let splits = keys.splits, splits > 1 {
      throw .unsupportedSetting(
        file: gguf.path, key: "split.count", found: "\(splits)",
        advice: "join the parts with llama.cpp's llama-gguf-split --merge")
    }
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
    let keyValueHeads = try keys.sizes("attention.head_count_kv", layers: count, default: queryHeads)
    let intermediate = try keys.sizes("feed_forward_length", layers: count)
    let derived = queryHeads.first.flatMap { $0 > 0 && hiddenSize % $0 == 0 ? hiddenSize / $0 : nil }
    let headDimension = try keys.size("attention.key_length", default: derived)
    let window = try keys.size("attention.sliding_window", default: 0, atLeast: 0)
    // Mistral's files say “llama” as well; only the window tells them apart.
    architecture = named == .llama && window > 0 ? .mistral : named
    guard headDimension % 2 == 0 else { throw keys.malformed("attention.key_length", "an even number") }
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
    rope = try Self.rope(keys, gguf: gguf, headDimension: headDimension)
    tiedEmbeddings = gguf.tensors["output.weight"] == nil
    func has(_ stem: String) -> Bool {
      gguf.tensors.keys.contains { $0.hasPrefix("blk.") && $0.hasSuffix(".\(stem).bias") }
    }
    biases = Biases(
      queryKeyValue: has("attn_q"), attentionOutput: has("attn_output"), gateUp: has("ffn_gate"),
      down: has("ffn_down"))
    queryKeyNorm = named == .qwen3
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

  private static func rope(
    _ keys: GGUFKeys, gguf: GGUFFile, headDimension: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    let theta = try keys.number("rope.freq_base", default: 10_000)
    if let tensor = gguf.tensors["rope_freqs.weight"] {
      guard tensor.shape == [headDimension / 2] else {
        throw .shapeMismatch(
          file: gguf.path, tensor: tensor.name, expected: [headDimension / 2], found: tensor.shape, advice: ""
        )
      }
      let divisors = try tensor.floats()
      guard divisors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw .malformed(
          file: gguf.path, place: tensor.name, expected: "finite divisors above 0", found: "others")
      }
      return RotaryEmbedding(theta: theta, ggufDivisors: divisors)
    }
    switch try keys.word("rope.scaling.type") ?? "none" {
    case "none": return RotaryEmbedding(theta: theta)
    case "linear":
      return RotaryEmbedding(theta: theta, scaling: .linear(factor: try keys.number("rope.scaling.factor")))
    case let other:
      throw .unsupportedSetting(
        file: gguf.path, key: keys.full("rope.scaling.type"), found: other,
        advice: "the supported rotary embeddings are none, linear and those with rope_freqs.weight")
    }
  }
}

/// The metadata under an architecture's prefix.
private struct GGUFKeys {
  let gguf: GGUFFile
  let architecture: String

  init(_ gguf: GGUFFile) {
    self.gguf = gguf
    if case .string(let name)? = gguf.metadata["general.architecture"] {
      architecture = name
    } else {
      architecture = "nothing under general.architecture"
    }
  }

  func full(_ key: String) -> String { "\(architecture).\(key)" }

  func malformed(_ key: String, _ expected: String) -> CheckpointError {
    .malformed(
      file: gguf.path, place: full(key), expected: expected,
      found: gguf.metadata[full(key)]?.summary ?? "nothing")
  }

  func size(_ key: String, default standard: Int? = nil, atLeast least: Int = 1) throws(CheckpointError)
    -> Int
  {
    switch gguf.metadata[full(key)] {
    case .integer(let value)? where value >= least && value <= Int(Int32.max): return value
    case nil: if let standard { return standard }
    default: break
    }
    throw malformed(key, "a whole number from \(least) to \(Int32.max)")
  }

  func sizes(_ key: String, layers: Int, default standard: [Int]? = nil) throws(CheckpointError) -> [Int] {
    switch gguf.metadata[full(key)] {
    case .integers(let values)?:
      guard values.count == layers, values.allSatisfy({ 0...Int(Int32.max) ~= $0 }) else {
        throw malformed(key, "a whole number, or one for each of \(layers) layers")
      }
      return values
    case nil: if let standard { return standard }
    default: break
    }
    return Array(repeating: try size(key), count: layers)
  }

  func number(_ key: String, default standard: Double? = nil) throws(CheckpointError) -> Double {
    switch gguf.metadata[full(key)] {
    case .real(let value)? where value > 0 && value.isFinite: return value
    case .integer(let value)? where value > 0: return Double(value)
    case nil: if let standard { return standard }
    default: break
    }
    throw malformed(key, "a number above 0")
  }

  func word(_ key: String) throws(CheckpointError) -> String? {
    switch gguf.metadata[full(key)] {
    case .string(let value)?: return value
    case nil: return nil
    default: throw malformed(key, "a string")
    }
  }

  /// How many files the model was split into; nil for a whole one.
  var splits: Int? {
    guard case .integer(let count)? = gguf.metadata["split.count"] else { return nil }
    return count
  }

  /// A token's id, from a key without the architecture's prefix.
  func token(_ key: String) -> Int? {
    guard case .integer(let value)? = gguf.metadata[key], 0...Int(Int32.max) ~= value else { return nil }
    return value
  }
}
