import JSON
import OrderedCollections

/// The sizes of one decoder layer. A pruned model's layers differ.
///
/// A layer whose attention was removed altogether has no heads, and neither the attention's tensors nor
/// `input_layernorm`; one whose MLP was removed has `intermediateSize` 0, and neither the MLP's tensors nor
/// `post_attention_layernorm`.
public struct LayerShape: Sendable, Hashable {
  public var queryHeads: Int
  public var keyValueHeads: Int
  public var headDimension: Int
  public var intermediateSize: Int
  /// How many positions back, itself included, a token attends to; nil for all.
  public var slidingWindow: Int?
  /// Which of the configuration's `ropes` turns queries and keys; nil for none.
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

  /// Query heads that share one key-value head; 0 where the attention was removed.
  public var repeats: Int { keyValueHeads > 0 ? queryHeads / keyValueHeads : 0 }

  /// No real model has larger heads, and a lying number must not take memory.
  static let largestHead = 65_536

  /// The rotary embedding turns pairs.
  static func canTurn(headDimension: Int) -> Bool {
    headDimension > 0 && headDimension % 2 == 0 && headDimension <= largestHead
  }

  /// Each key-value head serves as many query heads as the others; a removed sublayer has none of either.
  static func areGroups(queryHeads: Int, keyValueHeads: Int) -> Bool {
    keyValueHeads == 0 ? queryHeads == 0 : queryHeads > 0 && queryHeads % keyValueHeads == 0
  }
}

/// Which linear maps have a bias, in all layers alike.
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

/// Everything about a decoder but its weights, whatever file it came from.
public struct ModelConfiguration: Sendable, Equatable {
  /// transformers' `model_type`.
  public enum Architecture: String, Sendable, CaseIterable {
    case llama, mistral, qwen2, qwen3

    /// The class that transformers loads.
    var className: String {
      switch self {
      case .llama: "LlamaForCausalLM"
      case .mistral: "MistralForCausalLM"
      case .qwen2: "Qwen2ForCausalLM"
      case .qwen3: "Qwen3ForCausalLM"
      }
    }
  }

  public var architecture: Architecture
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var layers: [LayerShape]
  public var rmsNormEpsilon: Double
  /// The rotary embedding of layers whose `rope` is 0.
  public var rope: RotaryEmbedding
  /// Those of layers whose `rope` is 1, 2, ….
  public var otherRopes: [RotaryEmbedding]
  /// Whether the head is the token embedding.
  public var tiedEmbeddings: Bool
  public var biases: Biases
  /// What the decoder computes beyond its sizes.
  public var design: DecoderDesign
  /// Of a model whose residual stream was sliced; nil of any other.
  public var residualWidths: ResidualWidths?
  public var maxPositions: Int
  /// The token that begins a text, where the model has one.
  public var beginningOfText: Int?
  /// The tokens that end a text.
  public var endOfText: [Int]
  /// The type that the weights were declared in; of a quantised file float32.
  public var declaredType: StorageType
  /// Keys of the source's config.json that mean nothing here: `writeJSON` keeps them.
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
    self.rope = rope
    self.tiedEmbeddings = tiedEmbeddings
    self.biases = biases
    self.design = design
    self.otherRopes = otherRopes
    self.residualWidths = residualWidths
    self.maxPositions = maxPositions
    self.beginningOfText = beginningOfText
    self.endOfText = endOfText
    self.declaredType = declaredType
    self.otherKeys = otherKeys
  }

  /// Whether queries and keys are normalised.
  public var queryKeyNorm: Bool { design.queryKeyNorm != .none }

  /// The sizes of a layer.
  /// - Parameter index: of a layer that there is.
  public func sizes(_ index: Int) -> LayerSizes {
    LayerSizes(
      hidden: hiddenSize, shape: layers[index], biases: biases, design: design,
      sliced: residualWidths?.layer(index))
  }

  /// Every tensor of a checkpoint with its shape, under Hugging Face's names, in the order of the forward pass.
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

  /// How many numbers the model has, a tied embedding counted once. Of a configuration whose sizes are
  /// absurd, the largest `Int`.
  public var parameterCount: Int {
    parameters.values.reduce(0) { sum, shape in
      let (total, overflow) = sum.addingReportingOverflow(checkedProduct(shape) ?? .max)
      return overflow ? .max : total
    }
  }
}
