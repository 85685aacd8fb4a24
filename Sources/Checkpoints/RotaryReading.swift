import JSON

/// Reads the rotary embedding of a config.json, by the rules of transformers' modeling_rope_utils.py.
///
/// transformers 4 writes `rope_theta` and `rope_scaling`, 5 writes `rope_parameters`. In version 5 `rope_scaling` wins over
/// `rope_parameters`, which wins over `rope_theta`. Version 4 does not know `rope_parameters`. If they disagree, the folder
/// is another model to each version, and is refused.
extension RotaryEmbedding {
  static func read(
    _ keys: ConfigurationKeys, layers: [LayerShape], maxPositions: Int, standardTheta: Double
  ) throws(CheckpointError) -> RotaryEmbedding {
    try checkWholeHeads(keys)
    return try agreed(keys, theta: "rope_theta", standard: standardTheta, try objects(in: keys)) {
      (scaling, theta) throws(CheckpointError) in
      try read(scaling, theta, within: keys, layers: layers, maxPositions: maxPositions)
    }
  }

  static func objects(
    in keys: ConfigurationKeys
  ) throws(CheckpointError) -> [(key: String, object: ConfigurationKeys)] {
    var objects: [(key: String, object: ConfigurationKeys)] = []
    for key in ["rope_scaling", "rope_parameters"] {
      if let object = try keys.object(key) { objects.append((key, object)) }
    }
    return objects
  }

  /// Reads the embedding that all objects describe. Without objects, the frequency's base alone describes it.
  ///
  /// - Parameters:
  ///   - theta: the key of the base outside of the objects.
  ///   - standard: the base where no key gives it.
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
      throw keys.unsupported("partial_rotary_factor", "only whole heads are turned here")
    }
  }

  static func read(
    _ scaling: ConfigurationKeys, _ outerTheta: Double, within keys: ConfigurationKeys, layers: [LayerShape],
    maxPositions: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    for member in scaling.members.members {
      guard case .object = member.value else { continue }
      throw scaling.unsupported(
        member.key,
        "a rotary embedding for each type of layers is not supported; "
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
      throw scaling.unsupported(
        typeKey, found: other, "the supported rotary embeddings are default, linear and llama3")
    }
  }

  private static func llama3(
    _ scaling: ConfigurationKeys, within keys: ConfigurationKeys, maxPositions: Int
  ) throws(CheckpointError) -> Scaling {
    let low = try scaling.number("low_freq_factor")
    let high = try scaling.number("high_freq_factor")
    guard high > low else { throw scaling.malformed("high_freq_factor", "more than low_freq_factor") }
    // The outer key wins (`standardize_rope_params`). Without either, the original length is the full length.
    let key = "original_max_position_embeddings"
    let original = try keys.size(key, default: try scaling.size(key, default: maxPositions))
    return .llama3(
      factor: try scaling.number("factor"), lowFrequencyFactor: low, highFrequencyFactor: high,
      originalMaxPositions: original)
  }

  /// Our own type: see `Scaling.explicit`.
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
