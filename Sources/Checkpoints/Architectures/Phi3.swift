import Foundation
import JSON

/// Phi-3: q, k and v in one tensor, gate and up in another; LongRoPE, and heads that are turned in part
/// (modeling_phi3.py of transformers 5, phi3.cpp of llama.cpp).
struct Phi3: ArchitectureRules {
  let modelType = "phi3"
  let className = "Phi3ForCausalLM"
  let defaults = ArchitectureDefaults(
    vocabularySize: 32_064, hiddenSize: 3072, intermediateSize: 8192, maxPositions: 4096,
    rmsNormEpsilon: 1e-5, beginningOfText: 1, endOfText: 32_000)
  let attentionBias = BiasRule.never
  let ownKeys: Set<String> = ["partial_rotary_factor", "original_max_position_embeddings"]
  let ggufSettings: Set<String> = [Self.longFactors, Self.shortFactors]
  let ggufKeys: Set<String> = ["rope.dimension_count"]

  private static let longFactors = "rope_factors_long.weight"
  private static let shortFactors = "rope_factors_short.weight"
  private static let original = "original_max_position_embeddings"

  private var design: DecoderDesign {
    var design = DecoderDesign()
    design.fusesProjections = true
    return design
  }

  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign { design }

  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
  {
    configuration.design = design
  }

  /// All layers slide, or none.
  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    let window = keys["sliding_window"] == nil ? nil : try keys.size("sliding_window")
    return [Int?](repeating: window, count: layers)
  }

  func ropes(
    _ keys: ConfigurationKeys, layers: inout [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> [RotaryEmbedding] {
    let heads = layers.map(\.headDimension)
    let outer = try Self.share(keys, default: 1)
    // Phi3Config has this key outside, and its value wins.
    let original = try keys.size(Self.original, default: 4096)
    let described = try RotaryEmbedding.objects(in: keys)
    var rope = try RotaryEmbedding.agreed(keys, theta: "rope_theta", standard: defaults.ropeTheta, described)
    {
      (scaling, theta) throws(CheckpointError) in
      let theta = try scaling.number("rope_theta", default: theta)
      let partial = try Self.share(scaling, default: outer)
      let typeKey = scaling["rope_type"] == nil ? "type" : "rope_type"
      switch try scaling.word(typeKey) ?? "default" {
      case "default": return RotaryEmbedding(theta: theta, partialFactor: partial)
      // Older names; Phi3Config makes longrope of both.
      case "longrope", "su", "yarn":
        let pairs = heads.map { Int(Double($0) * partial) / 2 }
        func factors(_ key: String) throws(CheckpointError) -> [Double] {
          let expected = "a number above 0 for each pair of a head's elements that is turned"
          let factors = try scaling.numbers(key, expected)
          guard pairs.allSatisfy({ $0 == factors.count }) else { throw scaling.malformed(key, expected) }
          return factors
        }
        let factor = try scaling.number("factor", default: Double(maxPositions) / Double(original))
        let attention = try scaling.number(
          "attention_factor", default: Self.attentionFactor(factor, original))
        guard attention.isFinite else {
          throw keys.malformed(Self.original, "more than 1, since its logarithm divides")
        }
        return RotaryEmbedding(
          theta: theta,
          scaling: .longRope(
            short: try factors("short_factor"), long: try factors("long_factor"),
            originalMaxPositions: original, attentionFactor: attention),
          partialFactor: partial)
      case let other:
        throw scaling.unsupported(
          typeKey, found: other, "the supported rotary embeddings of phi3 are default and longrope")
      }
    }
    if described.allSatisfy({ $0.object.members.count == 0 }) { rope.partialFactor = outer }
    for head in heads where !LayerShape.canTurn(headDimension: rope.rotated(headDimension: head)) {
      throw keys.malformed(
        "partial_rotary_factor", "a share of head_dim = \(head) that is an even number of elements")
    }
    return [rope]
  }

  private static func share(
    _ keys: ConfigurationKeys, default standard: Double
  ) throws(CheckpointError) -> Double {
    let share = try keys.number("partial_rotary_factor", default: standard)
    guard share <= 1 else { throw keys.malformed("partial_rotary_factor", "a number above 0, at most 1") }
    return share
  }

  /// `_compute_longrope_parameters` in transformers' modeling_rope_utils.py.
  private static func attentionFactor(_ factor: Double, _ original: Int) -> Double {
    factor <= 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
  }

  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {
    keys["sliding_window"] = LayerTypes.window(of: configuration.layers)
    let rope = configuration.rope
    if rope.partialFactor != 1 { keys["partial_rotary_factor"] = .number(rope.partialFactor) }
    guard case .longRope(_, _, let original, let attention) = rope.scaling else { return }
    keys[Self.original] = .integer(original)
    let usual = Self.attentionFactor(Double(configuration.maxPositions) / Double(original), original)
    guard abs(attention - usual) > 1e-6 * usual, case .object(var scaling)? = keys["rope_scaling"] else {
      return
    }
    scaling["attention_factor"] = .number(attention)
    keys["rope_scaling"] = .object(scaling)
  }

  func rope(
    _ keys: ConfigurationKeys, in gguf: GGUFFile, headDimension: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    let rotated = try keys.size("rope.dimension_count", default: headDimension)
    guard rotated <= headDimension, LayerShape.canTurn(headDimension: rotated) else {
      throw keys.malformed("rope.dimension_count", "an even number up to \(headDimension)")
    }
    let partial = Double(rotated) / Double(headDimension)
    func factors(_ name: String) throws(CheckpointError) -> [Double]? {
      try RotaryEmbedding.divisors(gguf, name, count: rotated / 2)?.map { Double("\($0)") ?? Double($0) }
    }
    guard let long = try factors(Self.longFactors), let short = try factors(Self.shortFactors) else {
      var rope = try RotaryEmbedding.read(keys, in: gguf, headDimension: headDimension)
      rope.partialFactor = partial
      return rope
    }
    return RotaryEmbedding(
      theta: try keys.number("rope.freq_base", default: 10_000),
      scaling: .longRope(
        short: short, long: long,
        originalMaxPositions: try keys.size("rope.scaling.original_context_length"),
        attentionFactor: try keys.number("rope.scaling.attn_factor", default: 1)),
      partialFactor: partial)
  }
}
