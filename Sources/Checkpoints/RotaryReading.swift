import JSON

extension RotaryEmbedding {
  /// Reads what config.json says of the rotary embedding, by the rules of transformers' modeling_rope_utils.py.
  ///
  /// transformers 4 writes `rope_theta` and `rope_scaling`, 5 `rope_parameters`. Version 5 lets `rope_scaling` win over
  /// `rope_parameters`, and that win over `rope_theta`; version 4 does not know `rope_parameters`. So a folder in
  /// which they disagree is another model to each, and is refused.
  static func read(
    _ keys: ConfigurationKeys, layers: [LayerShape], maxPositions: Int, standardTheta: Double
  ) throws(CheckpointError) -> RotaryEmbedding {
    try checkWholeHeads(keys)
    var described: [(key: String, object: ConfigurationKeys)] = []
    for key in ["rope_scaling", "rope_parameters"] {
      if let object = try keys.object(key) { described.append((key, object)) }
    }
    return try agreed(keys, theta: "rope_theta", standard: standardTheta, described) {
      (scaling, theta) throws(CheckpointError) in
      try read(scaling, theta, within: keys, layers: layers, maxPositions: maxPositions)
    }
  }

  /// What several objects describe alike, or what the frequency's base alone does where there are none.
  ///
  /// - Parameters:
  ///   - theta: the key of the base outside of the objects.
  ///   - standard: the base where no key says it.
  static func agreed(
    _ keys: ConfigurationKeys, theta thetaKey: String, standard: Double,
    _ described: [(key: String, object: ConfigurationKeys)],
    read: (_ scaling: ConfigurationKeys, _ theta: Double) throws(CheckpointError) -> RotaryEmbedding
  ) throws(CheckpointError) -> RotaryEmbedding {
    let outer = try keys.number(thetaKey, default: standard)
    var found: [(key: String, embedding: RotaryEmbedding)] = []
    for (key, scaling) in described where scaling.members.count > 0 {
      found.append((key, try read(scaling, outer)))
    }
    guard let first = found.first else { return RotaryEmbedding(theta: outer) }
    if let last = found.last, last.embedding != first.embedding {
      throw keys.malformed(
        first.key, "the same rotary embedding as \(last.key) describes, or one of the two keys alone")
    }
    if keys[thetaKey] != nil, outer != first.embedding.theta {
      throw keys.malformed(
        thetaKey, "\(first.embedding.theta), as \(first.key) says, or one of the two alone")
    }
    return first.embedding
  }

  private static func checkWholeHeads(_ keys: ConfigurationKeys) throws(CheckpointError) {
    guard try keys.number("partial_rotary_factor", default: 1) == 1 else {
      throw .unsupportedSetting(
        file: keys.file, key: keys.prefix + "partial_rotary_factor",
        found: keys["partial_rotary_factor"]?.summary ?? "", advice: "only whole heads are turned here")
    }
  }

  static func read(
    _ scaling: ConfigurationKeys, _ outerTheta: Double, within keys: ConfigurationKeys, layers: [LayerShape],
    maxPositions: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    for member in scaling.members.members {
      guard case .object = member.value else { continue }
      throw .unsupportedSetting(
        file: keys.file, key: scaling.prefix + member.key, found: member.value.summary,
        advice: "a rotary embedding for each type of layers is not supported; "
          + "where it is the same in all layers, write rope_theta and rope_type without the layers' type")
    }
    try checkWholeHeads(scaling)
    let theta = try scaling.number("rope_theta", default: outerTheta)
    let typeKey = scaling["rope_type"] == nil ? "type" : "rope_type"
    switch try scaling.word(typeKey) ?? "default" {
    case "default": return RotaryEmbedding(theta: theta)
    case "linear":
      return RotaryEmbedding(theta: theta, scaling: .linear(factor: try scaling.number("factor")))
    case "llama3":
      return RotaryEmbedding(
        theta: theta, scaling: try llama3(scaling, within: keys, maxPositions: maxPositions))
    case "explicit": return RotaryEmbedding(theta: theta, scaling: try explicit(scaling, layers: layers))
    case let other:
      throw .unsupportedSetting(
        file: keys.file, key: scaling.prefix + typeKey, found: other,
        advice: "the supported rotary embeddings are default, linear and llama3")
    }
  }

  private static func llama3(
    _ scaling: ConfigurationKeys, within keys: ConfigurationKeys, maxPositions: Int
  ) throws(CheckpointError) -> Scaling {
    let low = try scaling.number("low_freq_factor")
    let high = try scaling.number("high_freq_factor")
    guard high > low else { throw scaling.malformed("high_freq_factor", "more than low_freq_factor") }
    // The outer key wins (`standardize_rope_params`), and without either the model was trained to its full length.
    let key = "original_max_position_embeddings"
    let original = try keys.size(key, default: try scaling.size(key, default: maxPositions))
    return .llama3(
      factor: try scaling.number("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
      originalMaxPositions: original)
  }

  /// Ours: see `Scaling.explicit`.
  private static func explicit(
    _ scaling: ConfigurationKeys, layers: [LayerShape]
  ) throws(CheckpointError) -> Scaling {
    let expected = "head_dim / 2 numbers above 0"
    let divisors = try scaling.numbers("divisors", expected).map { Float($0) }
    guard divisors.allSatisfy({ $0 > 0 && $0.isFinite }),
      layers.allSatisfy({ $0.headDimension == 2 * divisors.count })
    else {
      throw scaling.malformed("divisors", expected)
    }
    return .explicit(divisors: divisors)
  }
}
