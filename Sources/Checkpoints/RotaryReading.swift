import JSON

extension RotaryEmbedding {
  /// Reads what config.json says of the rotary embedding, by the rules of transformers' modeling_rope_utils.py.
  ///
  /// transformers 4 writes `rope_theta` and `rope_scaling`, 5 `rope_parameters`. Version 5 lets `rope_scaling` win over
  /// `rope_parameters`, and that win over `rope_theta`; version 4 does not know `rope_parameters`. So a folder in
  /// which they disagree is another model to each, and is refused.
  static func read(
    _ keys: ConfigurationKeys, layers: [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    try checkWholeHeads(keys)
    var found: [(key: String, embedding: RotaryEmbedding)] = []
    for key in ["rope_scaling", "rope_parameters"] {
      guard let scaling = try keys.object(key), scaling.members.count > 0 else { continue }
      found.append(
        (key, try read(scaling, within: keys, layers: layers, maxPositions: maxPositions)))
    }
    guard let first = found.first else {
      return RotaryEmbedding(theta: try keys.number("rope_theta", default: standardTheta))
    }
    if let last = found.last, last.embedding != first.embedding {
      throw keys.malformed(
        "rope_scaling", "the same rotary embedding as rope_parameters describes, or one of the two keys alone"
      )
    }
    if keys["rope_theta"] != nil, try keys.number("rope_theta") != first.embedding.theta {
      throw keys.malformed(
        "rope_theta", "\(first.embedding.theta), as \(first.key) says, or one of the two alone")
    }
    return first.embedding
  }

  private static let standardTheta = 10_000.0

  private static func checkWholeHeads(_ keys: ConfigurationKeys) throws(CheckpointError) {
    guard try keys.number("partial_rotary_factor", default: 1) == 1 else {
      throw .unsupportedSetting(
        file: keys.file, key: keys.prefix + "partial_rotary_factor",
        found: keys["partial_rotary_factor"]?.summary ?? "", advice: "only whole heads are turned here")
    }
  }

  private static func read(
    _ scaling: ConfigurationKeys, within keys: ConfigurationKeys, layers: [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    for member in scaling.members.members {
      guard case .object = member.value else { continue }
      throw .unsupportedSetting(
        file: keys.file, key: scaling.prefix + member.key, found: member.value.summary,
        advice: "a rotary embedding for each type of layers is not supported; "
          + "where it is the same in all layers, write rope_theta and rope_type without the layers' type")
    }
    try checkWholeHeads(scaling)
    let outer = try keys.number("rope_theta", default: standardTheta)
    let theta = try scaling.number("rope_theta", default: outer)
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
    guard case .array(let values)? = scaling["divisors"] else {
      throw scaling.malformed("divisors", "a list")
    }
    let divisors = values.compactMap { value -> Float? in
      let divisor: Float? =
        switch value {
        case .integer(let number): Float(number)
        case .number(let number): Float(number)
        default: nil
        }
      guard let divisor, divisor > 0, divisor.isFinite else { return nil }
      return divisor
    }
    guard divisors.count == values.count, layers.allSatisfy({ $0.headDimension == 2 * divisors.count })
    else {
      throw scaling.malformed("divisors", "head_dim / 2 numbers above 0")
    }
    return .explicit(divisors: divisors)
  }
}
