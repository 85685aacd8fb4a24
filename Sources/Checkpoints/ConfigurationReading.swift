import JSON

/// A config.json, asked for its keys with the words to say what is wrong with one.
struct ConfigurationKeys {
  let file: String
  let members: JSONObject
  /// Put before a key in messages: `rope_parameters.`
  var prefix = ""

  /// nil if the key is absent or null.
  subscript(key: String) -> JSONValue? {
    guard let value = members[key], value != .null else { return nil }
    return value
  }

  func malformed(_ key: String, _ expected: String) -> CheckpointError {
    .malformed(
      file: file, place: prefix + key, expected: expected, found: members[key]?.summary ?? "nothing")
  }

  /// Sizes are kept below 2^31, so that products of two of them fit in an Int.
  func size(_ key: String, default standard: Int? = nil, atLeast least: Int = 1) throws(CheckpointError)
    -> Int
  {
    guard let value = self[key] else {
      if let standard { return standard }
      throw malformed(key, "a number")
    }
    guard let number = Self.size(value, atLeast: least) else {
      throw malformed(key, "a whole number from \(least) to \(Int32.max)")
    }
    return number
  }

  private static func size(_ value: JSONValue, atLeast least: Int) -> Int? {
    guard case .integer(let number) = value, number >= least, number <= Int(Int32.max) else { return nil }
    return number
  }

  /// One size a layer, from a number for all or from a list. In a list 0 stands for a removed sublayer.
  func sizes(_ key: String, layers: Int, default standard: [Int]? = nil) throws(CheckpointError) -> [Int] {
    guard case .array(let values)? = self[key] else {
      if self[key] == nil, let standard { return standard }
      return Array(repeating: try size(key), count: layers)
    }
    let sizes = values.compactMap { Self.size($0, atLeast: 0) }
    guard sizes.count == values.count, sizes.count == layers else {
      throw malformed(key, "a whole number, or a list of num_hidden_layers = \(layers) of them")
    }
    return sizes
  }

  func number(_ key: String, default standard: Double? = nil) throws(CheckpointError) -> Double {
    switch self[key] {
    case .integer(let value)? where value > 0: return Double(value)
    case .number(let value)? where value > 0 && value.isFinite: return value
    case nil: if let standard { return standard }
    default: break
    }
    throw malformed(key, "a number above 0")
  }

  func flag(_ key: String, default standard: Bool) throws(CheckpointError) -> Bool {
    switch self[key] {
    case .bool(let value)?: return value
    case nil: return standard
    default: throw malformed(key, "true or false")
    }
  }

  func word(_ key: String) throws(CheckpointError) -> String? {
    switch self[key] {
    case .string(let value)?: return value
    case nil: return nil
    default: throw malformed(key, "a string")
    }
  }

  /// A token, several of them, or none.
  /// - Parameter absent: what a missing key stands for; null says that there is none.
  func tokens(_ key: String, default absent: [Int]) throws(CheckpointError) -> [Int] {
    if members[key] == nil { return absent }
    switch self[key] {
    case .integer(let value)?: return value >= 0 ? [value] : []  // some configs say −1 for “none”
    case nil: return []
    case .array(let values)?:
      let tokens = values.compactMap { Self.size($0, atLeast: 0) }
      if tokens.count == values.count { return tokens }
    default: break
    }
    throw malformed(key, "a token id or a list of them")
  }

  /// The object at `key`; nil if it is absent or null.
  func object(_ key: String) throws(CheckpointError) -> ConfigurationKeys? {
    switch self[key] {
    case .object(let members)?:
      return ConfigurationKeys(file: file, members: members, prefix: prefix + key + ".")
    case nil: return nil
    default: throw malformed(key, "an object")
    }
  }
}

extension ModelConfiguration {
  /// Reads a config.json as transformers 4 or 5 writes it, or as `writeJSON` does. Absent keys take the
  /// values that transformers' configuration classes give them.
  /// - Throws: `.unsupportedArchitecture`, `.unsupportedSetting` or `.malformed`, naming file and key.
  public static func read(_ path: String) throws(CheckpointError) -> ModelConfiguration {
    try ModelConfiguration(json: try JSONFile.read(path), file: path)
  }

  /// - Parameter file: named in errors.
  public init(json: JSONValue, file: String) throws(CheckpointError) {
    guard case .object(let members) = json else {
      throw .malformed(file: file, place: "the file", expected: "an object", found: json.summary)
    }
    let keys = ConfigurationKeys(file: file, members: members)
    let name = try keys.word("model_type") ?? "nothing under model_type"
    guard let architecture = Architecture(rawValue: name) else {
      throw .unsupportedArchitecture(file: file, found: name)
    }
    self.architecture = architecture
    let activation = try keys.word("hidden_act") ?? "silu"
    guard activation == "silu" else {
      throw .unsupportedSetting(
        file: file, key: "hidden_act", found: activation, advice: "only silu is supported")
    }

    vocabularySize = try keys.size("vocab_size")
    hiddenSize = try keys.size("hidden_size")
    layers = try Self.layers(keys, architecture: architecture, hiddenSize: hiddenSize)
    rmsNormEpsilon = try keys.number("rms_norm_eps", default: 1e-6)
    rope = try Self.rope(keys, layers: layers)
    tiedEmbeddings = try keys.flag("tie_word_embeddings", default: false)
    biases = try Self.biases(keys, architecture: architecture)
    queryKeyNorm = architecture == .qwen3
    residualWidths = try ResidualWidths.read(keys, layers: layers, hiddenSize: hiddenSize)
    if residualWidths != nil, tiedEmbeddings {
      throw .unsupportedSetting(
        file: file, key: "tie_word_embeddings", found: "true",
        advice: "the embedding and the head of a sliced model stand in different bases, and can't be one")
    }
    maxPositions = try keys.size("max_position_embeddings", default: architecture.defaultMaxPositions)
    beginningOfText = try keys.tokens("bos_token_id", default: architecture.defaultBeginning).first
    endOfText = try keys.tokens("eos_token_id", default: architecture.defaultEnd)
    let typeKey = keys["dtype"] == nil ? "torch_dtype" : "dtype"
    let typeName = try keys.word(typeKey) ?? "float32"
    guard let type = StorageType(rawValue: typeName), type.isWritable else {
      throw .unsupportedSetting(
        file: file, key: typeKey, found: typeName, advice: "expected float32, float16 or bfloat16")
    }
    declaredType = type
    otherKeys = members
    for key in Self.ownKeys { otherKeys[key] = nil }
    if keys["quantization_config"] != nil {
      throw .unsupportedSetting(
        file: file, key: "quantization_config", found: "set",
        advice: "take the model's unquantised checkpoint, or a GGUF file")
    }
  }

  private static func layers(
    _ keys: ConfigurationKeys, architecture: Architecture, hiddenSize: Int
  ) throws(CheckpointError) -> [LayerShape] {
    // No real model has more layers, and a lying number must not take memory.
    let count = try keys.size("num_hidden_layers")
    guard count <= 4096 else { throw keys.malformed("num_hidden_layers", "at most 4096") }
    let queryHeads = try keys.sizes("num_attention_heads", layers: count)
    let keyValueHeads = try keys.sizes("num_key_value_heads", layers: count, default: queryHeads)
    let intermediate = try keys.sizes("intermediate_size", layers: count)
    let headDimensions: [Int]
    if keys["head_dim"] != nil {
      headDimensions = try keys.sizes("head_dim", layers: count)
    } else if architecture == .qwen3 {
      headDimensions = Array(repeating: 128, count: count)  // Qwen3Config
    } else if case .integer(let heads)? = keys["num_attention_heads"], hiddenSize % heads == 0 {
      headDimensions = Array(repeating: hiddenSize / heads, count: count)
    } else {
      throw keys.malformed("head_dim", "a number, as num_attention_heads does not give it")
    }
    let windows = try slidingWindows(keys, architecture: architecture, layers: count)
    var layers: [LayerShape] = []
    for index in 0..<count {
      let (queries, keyValues) = (queryHeads[index], keyValueHeads[index])
      guard LayerShape.areGroups(queryHeads: queries, keyValueHeads: keyValues) else {
        throw .malformed(
          file: keys.file, place: "layer \(index)",
          expected: "num_attention_heads to be a multiple of num_key_value_heads",
          found: "\(queries) and \(keyValues)")
      }
      guard headDimensions[index] > 0, headDimensions[index] % 2 == 0 else {
        throw keys.malformed("head_dim", "even numbers: rotary embedding turns pairs")
      }
      layers.append(
        LayerShape(
          queryHeads: queries, keyValueHeads: keyValues, headDimension: headDimensions[index],
          intermediateSize: intermediate[index], slidingWindow: windows[index]))
    }
    return layers
  }

  /// Llama never slides, Mistral slides in all layers or none, Qwen in those that `layer_types` names, or
  /// from `max_window_layers` on (configuration_qwen2.py).
  private static func slidingWindows(
    _ keys: ConfigurationKeys, architecture: Architecture, layers: Int
  ) throws(CheckpointError) -> [Int?] {
    let none = [Int?](repeating: nil, count: layers)
    switch architecture {
    case .llama: return none
    case .mistral:
      // MistralConfig slides by 4096 unless the key is there and null.
      if keys.members["sliding_window"] == .null { return none }
      return [Int?](repeating: try keys.size("sliding_window", default: 4096), count: layers)
    case .qwen2, .qwen3:
      guard try keys.flag("use_sliding_window", default: false) else { return none }
      if keys.members["sliding_window"] == .null { return none }
      let window = try keys.size("sliding_window", default: 4096)
      guard let types = keys["layer_types"] else {
        let first = try keys.size("max_window_layers", default: 28, atLeast: 0)
        return (0..<layers).map { $0 >= first ? window : nil }
      }
      guard case .array(let names) = types, names.count == layers else {
        throw keys.malformed("layer_types", "a list of \(layers) names")
      }
      var windows = none
      for (index, name) in names.enumerated() {
        switch name {
        case .string("sliding_attention"): windows[index] = window
        case .string("full_attention"): break
        default:
          throw .unsupportedSetting(
            file: keys.file, key: "layer_types[\(index)]", found: name.summary,
            advice: "expected full_attention or sliding_attention")
        }
      }
      return windows
    }
  }

  private static func biases(
    _ keys: ConfigurationKeys, architecture: Architecture
  ) throws(CheckpointError) -> Biases {
    var biases = Biases()
    switch architecture {
    case .llama:
      let attention = try keys.flag("attention_bias", default: false)
      let mlp = try keys.flag("mlp_bias", default: false)
      biases = Biases(queryKeyValue: attention, attentionOutput: attention, gateUp: mlp, down: mlp)
    case .qwen2: biases.queryKeyValue = true
    case .qwen3:
      biases.queryKeyValue = try keys.flag("attention_bias", default: false)
      biases.attentionOutput = biases.queryKeyValue
    case .mistral: break
    }
    // Ours, for a compensating bias where the architecture has none.
    biases.attentionOutput = try keys.flag("attention_output_bias", default: biases.attentionOutput)
    biases.down = try keys.flag("mlp_down_bias", default: biases.down)
    return biases
  }

  private static func rope(
    _ keys: ConfigurationKeys, layers: [LayerShape]
  ) throws(CheckpointError) -> RotaryEmbedding {
    func checkWhole(_ keys: ConfigurationKeys) throws(CheckpointError) {
      guard try keys.number("partial_rotary_factor", default: 1) == 1 else {
        throw .unsupportedSetting(
          file: keys.file, key: keys.prefix + "partial_rotary_factor",
          found: keys["partial_rotary_factor"]?.summary ?? "", advice: "only whole heads are turned here")
      }
    }
    try checkWhole(keys)
    let outer = try keys.number("rope_theta", default: 10_000)
    // transformers 5 has it all in one object, 4 the scaling only.
    let found: ConfigurationKeys? =
      if let parameters = try keys.object("rope_parameters") { parameters } else {
        try keys.object("rope_scaling")
      }
    guard let scaling = found else { return RotaryEmbedding(theta: outer) }
    try checkWhole(scaling)
    let theta = try scaling.number("rope_theta", default: outer)
    let typeKey = scaling["rope_type"] == nil ? "type" : "rope_type"
    switch try scaling.word(typeKey) ?? "default" {
    case "default": return RotaryEmbedding(theta: theta)
    case "linear":
      return RotaryEmbedding(theta: theta, scaling: .linear(factor: try scaling.number("factor")))
    case "llama3":
      let low = try scaling.number("low_freq_factor")
      let high = try scaling.number("high_freq_factor")
      guard high > low else { throw scaling.malformed("high_freq_factor", "more than low_freq_factor") }
      return RotaryEmbedding(
        theta: theta,
        scaling: .llama3(
          factor: try scaling.number("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
          originalMaxPositions: try scaling.size("original_max_position_embeddings")))
    case "explicit":
      guard case .array(let values)? = scaling["divisors"] else {
        throw scaling.malformed("divisors", "a list")
      }
      let divisors = values.compactMap { value -> Float? in
        switch value {
        case .integer(let number) where number > 0: Float(number)
        case .number(let number) where number > 0 && number.isFinite: Float(number)
        default: nil
        }
      }
      guard divisors.count == values.count, layers.allSatisfy({ $0.headDimension == 2 * divisors.count })
      else {
        throw scaling.malformed("divisors", "head_dim / 2 numbers above 0")
      }
      return RotaryEmbedding(theta: theta, scaling: .explicit(divisors: divisors))
    case let other:
      throw .unsupportedSetting(
        file: keys.file, key: scaling.prefix + typeKey, found: other,
        advice: "the supported rotary embeddings are default, linear and llama3")
    }
  }
}

extension ModelConfiguration.Architecture {
  /// From transformers' configuration classes.
  fileprivate var defaultMaxPositions: Int {
    switch self {
    case .llama: 2048
    case .mistral: 131_072
    case .qwen2, .qwen3: 32_768
    }
  }

  fileprivate var defaultBeginning: [Int] { self == .llama || self == .mistral ? [1] : [] }
  fileprivate var defaultEnd: [Int] { self == .llama || self == .mistral ? [2] : [] }
}
