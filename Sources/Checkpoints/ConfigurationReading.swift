import JSON

/// A config.json, asked for its keys with the words to say what is wrong with one.
package struct ConfigurationKeys {
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

  /// - Parameter expected: numbers above 0, in words.
  func numbers(_ key: String, _ expected: String) throws(CheckpointError) -> [Double] {
    guard case .array(let values)? = self[key] else { throw malformed(key, "a list") }
    let numbers = values.compactMap { value -> Double? in
      switch value {
      case .integer(let number) where number > 0: Double(number)
      case .number(let number) where number > 0 && number.isFinite: number
      default: nil
      }
    }
    guard numbers.count == values.count else { throw malformed(key, expected) }
    return numbers
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
    let rules = architecture.rules
    let activation = try Self.activation(keys, rules)

    if keys["per_layer_config"] != nil {
      throw .unsupportedSetting(
        file: file, key: "per_layer_config", found: "set",
        advice: "sizes that differ between layers are read from lists, intermediate_size for instance")
    }

    let defaults = rules.defaults
    vocabularySize = try keys.size("vocab_size", default: defaults.vocabularySize)
    hiddenSize = try keys.size("hidden_size", default: defaults.hiddenSize)
    var layers = try Self.layers(keys, rules, hiddenSize: hiddenSize)
    rmsNormEpsilon = try keys.number("rms_norm_eps", default: defaults.rmsNormEpsilon)
    maxPositions = try keys.size("max_position_embeddings", default: defaults.maxPositions)
    ropes = try rules.ropes(keys, layers: &layers, maxPositions: maxPositions)
    self.layers = layers
    tiedEmbeddings = try keys.flag("tie_word_embeddings", default: defaults.tiedEmbeddings)
    biases = try Self.biases(keys, rules)
    design = try rules.design(keys, hiddenSize: hiddenSize)
    design.activation = activation
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
    for key in Self.ownKeys.union(rules.ownKeys) { otherKeys[key] = nil }
    if keys["quantization_config"] != nil {
      throw .unsupportedSetting(
        file: file, key: "quantization_config", found: "set",
        advice: "take the model's unquantised checkpoint, or a GGUF file")
    }
  }

  private static func activation(
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules
  ) throws(CheckpointError) -> DecoderDesign.Activation {
    let (key, names) = rules.activation
    let standard = key == "hidden_act" ? "silu" : "gelu_pytorch_tanh"
    let name = try keys.word(key) ?? standard
    guard let activation = names[name] else {
      throw .unsupportedSetting(
        file: keys.file, key: key, found: name, advice: "only \(standard) is supported")
    }
    return activation
  }

  private static func layers(
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules, hiddenSize: Int
  ) throws(CheckpointError) -> [LayerShape] {
    let defaults = rules.defaults
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
    let headDimensions = try headDimensions(keys, rules, hiddenSize: hiddenSize, layers: count)
    let windows = try rules.windows(keys, layers: count)
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
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules, hiddenSize: Int, layers: Int
  ) throws(CheckpointError) -> [Int] {
    if keys["head_dim"] != nil { return try keys.sizes("head_dim", layers: layers) }
    if let standard = rules.defaults.headDimension {
      return Array(repeating: standard, count: layers)
    }
    if case .array? = keys["num_attention_heads"] {
      throw keys.malformed("head_dim", "a number, as num_attention_heads does not give it")
    }
    let heads = try keys.size("num_attention_heads", default: rules.defaults.queryHeads)
    guard !rules.dividesHiddenSize || hiddenSize % heads == 0 else {
      throw keys.malformed("head_dim", "a number, as num_attention_heads does not give it")
    }
    return Array(repeating: hiddenSize / heads, count: layers)
  }

  private static func biases(
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules
  ) throws(CheckpointError) -> Biases {
    var biases = Biases()
    switch rules.attentionBias {
    case .never: break
    case .inputs: biases.queryKeyValue = true
    case .key(let key):
      biases.queryKeyValue = try keys.flag(key, default: false)
      biases.attentionOutput = biases.queryKeyValue
    }
    if case .key(let key) = rules.mlpBias {
      biases.gateUp = try keys.flag(key, default: false)
      biases.down = biases.gateUp
    }
    // Ours, for a compensating bias where the architecture has none.
    biases.attentionOutput = try keys.flag("attention_output_bias", default: biases.attentionOutput)
    biases.down = try keys.flag("mlp_down_bias", default: biases.down)
    return biases
  }
}
