import JSON
import OrderedCollections

/// The sizes of one decoder layer. The layers of a pruned model differ.
///
/// A layer without attention has no heads, no attention tensors and no `input_layernorm`. A layer without an MLP has
/// `intermediateSize` 0, no MLP tensors and no `post_attention_layernorm`.
public struct LayerShape: Sendable, Hashable {
  public var queryHeads: Int
  public var keyValueHeads: Int
  public var headDimension: Int
  public var intermediateSize: Int
  /// How many positions a token attends to, itself included; nil for all.
  public var slidingWindow: Int?
  /// The index in the configuration's `ropes` of the embedding that turns queries and keys; nil for none.
  public var rope: Int?

  public init(
    queryHeads: Int, keyValueHeads: Int, headDimension: Int, intermediateSize: Int, slidingWindow: Int? = nil,
    rope: Int? = 0
  ) {
    self.queryHeads = queryHeads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.intermediateSize = intermediateSize
    self.slidingWindow = slidingWindow
    self.rope = rope
  }

  /// Query heads that share one key-value head; 0 without attention.
  public var repeats: Int { keyValueHeads > 0 ? queryHeads / keyValueHeads : 0 }

  /// No real model has larger heads, and a wrong number must not take memory.
  static let largestHead = 65_536

  /// The rotary embedding turns pairs.
  static func canTurn(headDimension: Int) -> Bool {
    headDimension > 0 && headDimension % 2 == 0 && headDimension <= largestHead
  }

  /// Whether each key-value head has the same number of query heads. A removed sublayer has none of either.
  static func areGroups(queryHeads: Int, keyValueHeads: Int) -> Bool {
    keyValueHeads == 0 ? queryHeads == 0 : queryHeads > 0 && queryHeads % keyValueHeads == 0
  }
}

/// The linear maps that have a bias, the same in all layers.
public struct Biases: Sendable, Hashable {
  /// q, k and v.
  public var queryKeyValue: Bool
  /// The attention's output projection.
  public var attentionOutput: Bool
  /// gate and up.
  public var gateUp: Bool
  /// The MLP's down projection.
  public var down: Bool

  public init(
    queryKeyValue: Bool = false, attentionOutput: Bool = false, gateUp: Bool = false, down: Bool = false
  ) {
    self.queryKeyValue = queryKeyValue
    self.attentionOutput = attentionOutput
    self.gateUp = gateUp
    self.down = down
  }

  public mutating func formUnion(_ others: Biases) {
    queryKeyValue = queryKeyValue || others.queryKeyValue
    attentionOutput = attentionOutput || others.attentionOutput
    gateUp = gateUp || others.gateUp
    down = down || others.down
  }
}

/// All properties of a decoder except its weights, whatever file it came from.
public struct ModelConfiguration: Sendable, Equatable {
  public var architecture: Architecture
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var layers: [LayerShape]
  public var rmsNormEpsilon: Double
  /// The rotary embeddings. `LayerShape.rope` is an index into them.
  public var ropes: [RotaryEmbedding]
  /// Whether the head is the token embedding.
  public var tiedEmbeddings: Bool
  public var biases: Biases
  public var design: DecoderDesign
  /// nil if the residual stream was not sliced.
  public var residualWidths: ResidualWidths?
  public var maxPositions: Int
  /// The token that begins a text; nil if the model has none.
  public var beginningOfText: Int?
  /// The tokens that end a text.
  public var endOfText: [Int]
  /// The declared type of the weights; float32 for a quantised file.
  public var declaredType: StorageType
  /// Keys of the source's config.json without a meaning here. `writeJSON` keeps them.
  public var otherKeys: JSONObject

  public init(
    architecture: Architecture, vocabularySize: Int, hiddenSize: Int, layers: [LayerShape],
    rmsNormEpsilon: Double, rope: RotaryEmbedding, tiedEmbeddings: Bool, biases: Biases = Biases(),
    design: DecoderDesign = DecoderDesign(), otherRopes: [RotaryEmbedding] = [],
    residualWidths: ResidualWidths? = nil, maxPositions: Int,
    beginningOfText: Int? = nil, endOfText: [Int] = [],
    declaredType: StorageType = .float32, otherKeys: JSONObject = [:]
  ) {
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layers = layers
    self.rmsNormEpsilon = rmsNormEpsilon
    ropes = [rope] + otherRopes
    self.tiedEmbeddings = tiedEmbeddings
    self.biases = biases
    self.design = design
    self.residualWidths = residualWidths
    self.maxPositions = maxPositions
    self.beginningOfText = beginningOfText
    self.endOfText = endOfText
    self.declaredType = declaredType
    self.otherKeys = otherKeys
  }

  /// The first of `ropes`, which is that of all layers if they don't differ.
  public var rope: RotaryEmbedding { ropes.first ?? RotaryEmbedding(theta: 10_000) }

  /// Whether queries and keys are normalised.
  public var queryKeyNorm: Bool { design.queryKeyNorm != .none }

  /// The sizes of a layer.
  /// - Parameter index: of a layer that there is.
  public func sizes(_ index: Int) -> LayerSizes {
    LayerSizes(
      hidden: hiddenSize, shape: layers[index], biases: biases, design: design,
      sliced: residualWidths?.layer(index))
  }

  /// All tensors of a checkpoint with their shapes, under Hugging Face's names, in the order of the forward pass.
  public var parameters: OrderedDictionary<String, [Int]> {
    var shapes = OrderedDictionary<String, [Int]>()
    shapes["model.embed_tokens.weight"] = [vocabularySize, residualWidths?.layer(0).input ?? hiddenSize]
    for index in layers.indices {
      let sizes = sizes(index)
      let specs = sizes.specs
      for sublayer in ParameterSpec.Sublayer.allCases where sizes.has(sublayer) {
        let own = specs.filter { $0.role.sublayer == sublayer }
        for spec in own.filter({ !$0.role.isOutput }) + own.filter(\.role.isOutput) {
          let name = "model.layers.\(index).\(spec.tensor)"
          var shape = sizes.shape(of: spec)
          shape[0] += shapes[name]?[0] ?? 0
          shapes[name] = shape
        }
      }
    }
    if residualWidths == nil { shapes["model.norm.weight"] = [hiddenSize] }
    if !tiedEmbeddings { shapes["lm_head.weight"] = [vocabularySize, residualWidths?.head ?? hiddenSize] }
    return shapes
  }

  /// The number of weights, with a tied embedding counted once. If it overflows, the largest `Int`.
  public var parameterCount: Int {
    parameters.values.reduce(0) { sum, shape in
      let (total, overflow) = sum.addingReportingOverflow(checkedProduct(shape) ?? .max)
      return overflow ? .max : total
    }
  }
}
