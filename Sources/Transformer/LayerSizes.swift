import Checkpoints

/// The sizes of one decoder layer as it is now, pruned or not. Counts of elements, not bytes.
///
/// Without KV groups the layer has no attention (and no norm before it), without channels no MLP; without either it hands
/// on what it gets.
public struct LayerSizes: Equatable, Sendable {
  public var hidden: Int
  public var queryHeads: Int
  public var keyValueHeads: Int
  public var headDimension: Int
  public var intermediate: Int
  /// How many positions a query sees, its own included; nil for all before it.
  public var slidingWindow: Int?
  public var queryKeyNorm: Bool
  public var queryKeyValueBias: Bool
  public var outputBias: Bool
  /// Of gate and up.
  public var gateUpBias: Bool
  public var downBias: Bool
  /// How much of the residual stream there is before attention, before the MLP and behind it, where the model is sliced.
  public var sliced: ResidualWidths.Layer?

  public init(
    hidden: Int, queryHeads: Int, keyValueHeads: Int, headDimension: Int, intermediate: Int,
    slidingWindow: Int?, queryKeyNorm: Bool, queryKeyValueBias: Bool, outputBias: Bool, gateUpBias: Bool,
    downBias: Bool, sliced: ResidualWidths.Layer? = nil
  ) {
    self.hidden = hidden
    self.queryHeads = queryHeads
    self.keyValueHeads = keyValueHeads
    self.headDimension = headDimension
    self.intermediate = intermediate
    self.slidingWindow = slidingWindow
    self.queryKeyNorm = queryKeyNorm
    self.queryKeyValueBias = queryKeyValueBias
    self.outputBias = outputBias
    self.gateUpBias = gateUpBias
    self.downBias = downBias
    self.sliced = sliced
  }

  /// Columns of the residual stream that attention reads, that the MLP reads, and that leave the layer: `hidden`, unless
  /// the model is sliced.
  public var inputWidth: Int { sliced?.input ?? hidden }
  public var middleWidth: Int { sliced?.middle ?? hidden }
  public var outputWidth: Int { sliced?.output ?? hidden }

  public var hasAttention: Bool { keyValueHeads > 0 }
  public var hasMLP: Bool { intermediate > 0 }
  /// Nothing is left: the layer's output is its input.
  public var isEmpty: Bool { !hasAttention && !hasMLP }

  /// Query heads that share one key and value head; 0 without attention.
  public var repeats: Int { hasAttention ? queryHeads / keyValueHeads : 0 }
  public var queryWidth: Int { queryHeads * headDimension }
  public var keyValueWidth: Int { keyValueHeads * headDimension }
  /// Columns of queries, keys and values side by side.
  public var queryKeyValueWidth: Int { queryWidth + 2 * keyValueWidth }

  /// Parameters that leave with one KV group: rows of q, k, v (and their biases) and columns of o.
  public var parametersPerGroup: Int {
    let rows = headDimension * (repeats + 2)
    return rows * inputWidth + headDimension * repeats * middleWidth + (queryKeyValueBias ? rows : 0)
  }

  /// Parameters that leave with one channel: a row of gate and of up (and their biases), a column of down.
  public var parametersPerChannel: Int { 2 * middleWidth + outputWidth + (gateUpBias ? 2 : 0) }

  /// Of the norm before a sublayer, or of the shortcut beside it that a sliced model has in its place.
  private var inputNormOrShortcut: Int { sliced == nil ? hidden : inputWidth * middleWidth }
  private var middleNormOrShortcut: Int { sliced == nil ? hidden : middleWidth * outputWidth }

  /// Of the whole attention, its norms and biases included; 0 where it is gone.
  public var attentionParameters: Int {
    guard hasAttention else { return 0 }
    return keyValueHeads * parametersPerGroup + inputNormOrShortcut + (queryKeyNorm ? 2 * headDimension : 0)
      + (outputBias ? middleWidth : 0)
  }

  /// Of the whole MLP, its norm and biases included; 0 where it is gone.
  public var mlpParameters: Int {
    guard hasMLP else { return 0 }
    return intermediate * parametersPerChannel + middleNormOrShortcut + (downBias ? outputWidth : 0)
  }

  public var parameters: Int { attentionParameters + mlpParameters }

  /// Multiply-accumulates a token in the layer's projections (attention over the context comes on top and depends
  /// on its length; norms and biases are left out, as is usual).
  public var multiplyAccumulatesPerGroup: Int {
    headDimension * ((repeats + 2) * inputWidth + repeats * middleWidth)
  }
  public var multiplyAccumulatesPerChannel: Int { 2 * middleWidth + outputWidth }
  public var attentionMultiplyAccumulates: Int {
    keyValueHeads * multiplyAccumulatesPerGroup + (sliced != nil && hasAttention ? inputNormOrShortcut : 0)
  }
  public var mlpMultiplyAccumulates: Int {
    intermediate * multiplyAccumulatesPerChannel + (sliced != nil && hasMLP ? middleNormOrShortcut : 0)
  }
  public var multiplyAccumulates: Int { attentionMultiplyAccumulates + mlpMultiplyAccumulates }
}
