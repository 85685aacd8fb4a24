import JSON

/// The rules of one `model_type`. A file in `Architectures/` states what differs from Llama.
package protocol ArchitectureRules: Sendable {
  /// transformers' `model_type`.
  var modelType: String { get }
  /// The class that transformers loads.
  var className: String { get }
  /// `general.architecture` of its GGUF files; nil where llama.cpp has no such architecture.
  var ggufName: String? { get }
  /// The values of its configuration class for absent keys.
  var defaults: ArchitectureDefaults { get }

  // MARK: config.json

  /// The key of the MLP's activation, and the names that are understood.
  var activation: (key: String, names: [String: DecoderDesign.Activation]) { get }
  var attentionBias: BiasRule { get }
  var mlpBias: BiasRule { get }
  /// Further keys that `write` writes.
  var ownKeys: Set<String> { get }
  /// Whether the heads must divide the hidden size if there is no `head_dim`. Most classes drop the remainder.
  var dividesHiddenSize: Bool { get }
  /// The design without the activation, which the caller sets.
  func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign
  /// [layers]: the sliding windows.
  func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?]
  /// The rotary embeddings, at least one. `LayerShape.rope` is an index into them.
  func ropes(
    _ keys: ConfigurationKeys, layers: inout [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> [RotaryEmbedding]
  /// Writes the keys of this architecture alone.
  func write(_ configuration: ModelConfiguration, into keys: inout JSONObject)

  // MARK: GGUF

  /// Whether llama.cpp converts it as Llama: rows of q and k are permuted, and `rope_freqs.weight` counts.
  var ggufFollowsLlama: Bool { get }
  /// The number that its GGUF files add to the weights of norms.
  var ggufNormOffset: Float { get }
  /// The rotary embedding of layers whose `rope` is 0.
  func rope(
    _ keys: ConfigurationKeys, in gguf: GGUFFile, headDimension: Int
  ) throws(CheckpointError) -> RotaryEmbedding
  /// Tensors that are read with the metadata and are not parameters.
  var ggufSettings: Set<String> { get }
  /// Keys that only this architecture reads. Others refuse them.
  var ggufKeys: Set<String> { get }
  /// Completes the configuration by the keys of this architecture alone.
  func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys) throws(CheckpointError)
}

/// Whether linear maps have biases.
package enum BiasRule {
  case never
  /// Queries, keys and values have biases, whatever config.json says.
  case inputs
  /// This key says whether all maps of the sublayer have biases.
  case key(String)
}

/// The values of transformers' configuration class for absent keys of config.json.
/// Tests compare them with the classes (scripts/make-configuration-fixture.py).
package struct ArchitectureDefaults {
  var vocabularySize: Int
  var hiddenSize = 4096
  var intermediateSize: Int
  var layers = 32
  var queryHeads = 32
  /// nil: the number of query heads, which is also the meaning of null in every class.
  var keyValueHeads: Int?
  /// nil: `hidden_size / num_attention_heads`.
  var headDimension: Int?
  var maxPositions: Int
  var rmsNormEpsilon = 1e-6
  var ropeTheta = 10_000.0
  var tiedEmbeddings = false
  var beginningOfText: Int?
  var endOfText: Int?
}

/// Llama's rules.
extension ArchitectureRules {
  package var ggufName: String? { modelType }
  package var activation: (key: String, names: [String: DecoderDesign.Activation]) {
    // Two names of one function in transformers' activations.py.
    ("hidden_act", ["silu": .silu, "swish": .silu])
  }
  package var attentionBias: BiasRule { .key("attention_bias") }
  package var mlpBias: BiasRule { .never }
  package var ownKeys: Set<String> { [] }
  package var dividesHiddenSize: Bool { false }

  package func design(_ keys: ConfigurationKeys, hiddenSize: Int) throws(CheckpointError) -> DecoderDesign {
    DecoderDesign()
  }

  package func windows(_ keys: ConfigurationKeys, layers: Int) throws(CheckpointError) -> [Int?] {
    [Int?](repeating: nil, count: layers)
  }

  package func ropes(
    _ keys: ConfigurationKeys, layers: inout [LayerShape], maxPositions: Int
  ) throws(CheckpointError) -> [RotaryEmbedding] {
    [
      try RotaryEmbedding.read(
        keys, layers: layers, maxPositions: maxPositions, standardTheta: defaults.ropeTheta)
    ]
  }

  package func write(_ configuration: ModelConfiguration, into keys: inout JSONObject) {}

  package var ggufFollowsLlama: Bool { false }
  package var ggufNormOffset: Float { 0 }
  package func rope(
    _ keys: ConfigurationKeys, in gguf: GGUFFile, headDimension: Int
  ) throws(CheckpointError) -> RotaryEmbedding {
    try RotaryEmbedding.read(keys, in: gguf, also: ggufKeys, headDimension: headDimension)
  }
  package var ggufSettings: Set<String> { ggufFollowsLlama ? [GGUFNames.rotaryDivisors] : [] }
  package var ggufKeys: Set<String> { [] }
  package func finish(_ configuration: inout ModelConfiguration, gguf keys: ConfigurationKeys)
    throws(CheckpointError)
  {}
}

extension ModelConfiguration {
  /// One of the architectures that can be read, by transformers' `model_type`.
  public struct Architecture: Sendable, Hashable, CaseIterable {
    package let rules: any ArchitectureRules

    package init(_ rules: any ArchitectureRules) { self.rules = rules }

    /// nil if it is not supported.
    public init?(rawValue: String) {
      guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
      self = found
    }

    /// By `general.architecture`; nil if it is not supported.
    init?(ggufName: String) {
      guard let found = Self.allCases.first(where: { $0.rules.ggufName == ggufName }) else { return nil }
      self = found
    }

    /// transformers' `model_type`.
    public var rawValue: String { rules.modelType }

    public static func == (one: Self, other: Self) -> Bool { one.rawValue == other.rawValue }
    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
  }
}
