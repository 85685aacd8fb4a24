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
  func sizes(_ key: String, layers: Int, default standard: Int? = nil) throws(CheckpointError) -> [Int] {
    guard case .array(let values)? = self[key] else {
      return Array(repeating: try size(key, default: standard), count: layers)
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

  /// A token, several of them, or none, which null means.
  /// - Parameter standard: where there is no such key.
  func tokens(_ key: String, default standard: Int?) throws(CheckpointError) -> [Int] {
    if members[key] == nil { return standard.map { [$0] } ?? [] }
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
    // Two names of one function in transformers' activations.py.
    guard activation == "silu" || activation == "swish" else {
      throw .unsupportedSetting(
        file: file, key: "hidden_act", found: activation, advice: "only silu is supported")
    }

    if keys["per_layer_config"] != nil {
      throw .unsupportedSetting(
        file: file, key: "per_layer_config", found: "set",
        advice: "sizes that differ between layers are read from lists, intermediate_size for instance")
    }

    let defaults = architecture.defaults
    vocabularySize = try keys.size("vocab_size", default: defaults.vocabularySize)
    hiddenSize = try keys.size("hidden_size", default: defaults.hiddenSize)
    layers = try Self.layers(keys, architecture: architecture, hiddenSize: hiddenSize)
    rmsNormEpsilon = try keys.number("rms_norm_eps", default: defaults.rmsNormEpsilon)
    maxPositions = try keys.size("max_position_embeddings", default: defaults.maxPositions)
    rope = try RotaryEmbedding.read(keys, layers: layers, maxPositions: maxPositions)
    tiedEmbeddings = try keys.flag("tie_word_embeddings", default: false)
    biases = try Self.biases(keys, architecture: architecture)
    design = DecoderDesign(queryKeyNorm: architecture == .qwen3 ? .perHead : .none)
    otherRopes = []
    residualWidths = try ResidualWidths.read(keys, layers: layers, hiddenSize: hiddenSize)
    if residualWidths != nil, tiedEmbeddings {
      throw .unsupportedSetting(
        file: file, key: "tie_word_embeddings", found: "true",
        advice: "the embedding and the head of a sliced model stand in different bases, and can't be one")
    }
    beginningOfText = try keys.tokens("bos_token_id", default: defaults.beginningOfText).first
    endOfText = try keys.tokens("eos_token_id", default: defaults.endOfText)
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
    let defaults = architecture.defaults
    // No real model has more layers, and a lying number must not take memory.
    let count = try keys.size("num_hidden_layers", default: defaults.layers)
    guard count <= 4096 else { throw keys.malformed("num_hidden_layers", "at most 4096") }
    let queryHeads = try keys.sizes("num_attention_heads", layers: count, default: defaults.queryHeads)
    let keyValueHeads =
      if keys["num_key_value_heads"] == nil,
        keys.members["num_key_value_heads"] == .null || defaults.keyValueHeads == nil
      { queryHeads } else {
        try keys.sizes("num_key_value_heads", layers: count, default: defaults.keyValueHeads)
      }
    let intermediate = try keys.sizes(
      "intermediate_size", layers: count, default: defaults.intermediateSize)
    let headDimensions = try headDimensions(
      keys, architecture: architecture, hiddenSize: hiddenSize, layers: count)
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
      guard LayerShape.canTurn(headDimension: headDimensions[index]) else {
        throw keys.malformed(
          "head_dim",
          "even numbers up to \(LayerShape.largestHead), since the rotary embedding turns pairs; "
            + "layer \(index) has \(headDimensions[index])")
      }
      layers.append(
        LayerShape(
          queryHeads: queries, keyValueHeads: keyValues, headDimension: headDimensions[index],
          intermediateSize: intermediate[index], slidingWindow: windows[index]))
    }
    return layers
  }

  private static func headDimensions(
    _ keys: ConfigurationKeys, architecture: Architecture, hiddenSize: Int, layers: Int
  ) throws(CheckpointError) -> [Int] {
    if keys["head_dim"] != nil { return try keys.sizes("head_dim", layers: layers) }
    if let standard = architecture.defaults.headDimension {
      return Array(repeating: standard, count: layers)
    }
    if case .array? = keys["num_attention_heads"] {
      throw keys.malformed("head_dim", "a number, as num_attention_heads does not give it")
    }
    let heads = try keys.size("num_attention_heads", default: architecture.defaults.queryHeads)
    // LlamaConfig refuses a remainder, the others drop it.
    guard architecture != .llama || hiddenSize % heads == 0 else {
      throw keys.malformed("head_dim", "a number, as num_attention_heads does not give it")
    }
    return Array(repeating: hiddenSize / heads, count: layers)
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
      return [Int?](
        repeating: try keys.size("sliding_window", default: architecture.defaults.slidingWindow),
        count: layers)
    case .qwen2, .qwen3:
      let slides =
        try keys.flag("use_sliding_window", default: false) && keys.members["sliding_window"] != .null
      let window =
        slides
        ? try keys.size("sliding_window", default: architecture.defaults.slidingWindow) : nil
      guard let types = keys["layer_types"] else {
        let first = try keys.size(
          "max_window_layers", default: architecture.defaults.maxWindowLayers, atLeast: 0)
        return (0..<layers).map { $0 >= first ? window : nil }
      }
      guard case .array(let names) = types, names.count == layers else {
        throw keys.malformed("layer_types", "a list of \(layers) names")
      }
      var windows = none
      for (index, name) in names.enumerated() {
        switch name {
        case .string("full_attention"): break
        case .string("sliding_attention"):
          guard let window else {
            throw .unsupportedSetting(
              file: keys.file, key: "layer_types[\(index)]", found: name.summary,
              advice:
                "the width of the window is missing: use_sliding_window is not true, or sliding_window is null"
            )
          }
          windows[index] = window
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
}
