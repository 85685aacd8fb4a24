import JSON

/// Reads a model's configuration from config.json.
extension ModelConfiguration {
  /// Reads a config.json of transformers 4 or 5, or of `writeJSON`. An absent key means what transformers' configuration
  /// class says.
  /// - Throws: `.unsupportedArchitecture`, `.unsupportedSetting` or `.malformed`, naming file and key.
  public static func read(_ path: String) throws(CheckpointError) -> ModelConfiguration {
    try ModelConfiguration(json: try JSONFile.read(path), file: path)
  }

  /// - Parameter file: the name for errors.
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
      throw keys.unsupported(
        "per_layer_config", found: "set",
        "sizes that differ between layers are read from lists, intermediate_size for instance")
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
      throw keys.unsupported(
        "tie_word_embeddings", found: "true",
        "the embedding and the head of a sliced model stand in different bases, and can't be one")
    }
    beginningOfText = try keys.tokens("bos_token_id", default: defaults.beginningOfText).first
    endOfText = try keys.tokens("eos_token_id", default: defaults.endOfText)
    let typeKey = keys["dtype"] == nil ? "torch_dtype" : "dtype"
    let typeName = try keys.word(typeKey) ?? "float32"
    guard let type = StorageType(rawValue: typeName), type.isWritable else {
      throw keys.unsupported(typeKey, found: typeName, "expected float32, float16 or bfloat16")
    }
    declaredType = type
    otherKeys = members
    for key in Self.ownKeys.union(rules.ownKeys) { otherKeys[key] = nil }
    if keys["quantization_config"] != nil {
      throw keys.unsupported(
        "quantization_config", found: "set", "take the model's unquantised checkpoint, or a GGUF file")
    }
  }

  private static func activation(
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules
  ) throws(CheckpointError) -> DecoderDesign.Activation {
    let (key, names) = rules.activation
    let standard = key == "hidden_act" ? "silu" : "gelu_pytorch_tanh"
    let name = try keys.word(key) ?? standard
    guard let activation = names[name] else {
      throw keys.unsupported(key, found: name, "only \(standard) is supported")
    }
    return activation
  }

  private static func layers(
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules, hiddenSize: Int
  ) throws(CheckpointError) -> [LayerShape] {
    var layers = try keys.heads(rules.defaults)
    let headDimensions = try headDimensions(keys, rules, hiddenSize: hiddenSize, layers: layers.count)
    let windows = try rules.windows(keys, layers: layers.count)
    for index in layers.indices {
      layers[index].headDimension = headDimensions[index]
      layers[index].slidingWindow = windows[index]
    }
    try keys.checkHeadDimensions(layers)
    return layers
  }

  private static func headDimensions(
    _ keys: ConfigurationKeys, _ rules: any ArchitectureRules, hiddenSize: Int, layers: Int
  ) throws(CheckpointError) -> [Int] {
    if keys["head_dim"] != nil { return try keys.sizes("head_dim", layers: layers) }
    if let standard = rules.defaults.headDimension {
      return Array(repeating: standard, count: layers)
    }
    let heads =
      if case .array? = keys["num_attention_heads"] { 0 } else {
        try keys.size("num_attention_heads", default: rules.defaults.queryHeads)
      }
    guard heads > 0, !rules.dividesHiddenSize || hiddenSize % heads == 0 else {
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
    // Our own keys, for a compensating bias where the architecture has none.
    biases.attentionOutput = try keys.flag("attention_output_bias", default: biases.attentionOutput)
    biases.down = try keys.flag("mlp_down_bias", default: biases.down)
    return biases
  }
}
