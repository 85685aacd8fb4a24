import Checkpoints
import Tensors

/// The memory and threads with which a pass computes one layer after another: the layer's weights in float32, its
/// activations for one block of tokens, and the rotary tables.
final class LayerWorkspace {
  let decoder: Decoder
  let workers: Workers
  /// The weights of the layer that `at` was last asked for.
  let weights: LayerParameters
  private(set) var activations: LayerActivations
  private let rotary: RotaryTables

  /// - Parameters:
  ///   - tokens: the tokens of the largest block.
  ///   - longest: the tokens of the longest sequence.
  ///   - positions: the positions of the rotary tables; nil for `longest`.
  ///   - others: the layers of other models that share this memory.
  init(
    _ decoder: Decoder, tokens: Int, longest: Int, positions: Int? = nil, roomFor others: [LayerSizes] = [],
    workers: Workers
  ) {
    self.decoder = decoder
    self.workers = workers
    weights = LayerParameters(roomFor: decoder.allSizes)
    activations = LayerActivations(
      roomFor: decoder.allSizes + others, tokens: tokens, longest: longest, workers: workers.count)
    rotary = RotaryTables(decoder.configuration.ropes, positions: positions ?? longest)
  }

  convenience init(_ decoder: Decoder, _ blocks: Blocks, roomFor others: [LayerSizes] = [], workers: Workers)
  {
    self.init(decoder, tokens: blocks.mostTokens, longest: blocks.longest, roomFor: others, workers: workers)
  }

  /// A workspace of a model that takes turns with another in its activations.
  init(_ decoder: Decoder, sharing other: LayerWorkspace) {
    self.decoder = decoder
    workers = other.workers
    weights = LayerParameters(roomFor: decoder.allSizes)
    activations = other.activations
    rotary = other.rotary.forModel(with: decoder.configuration.ropes)
  }

  /// Makes room for blocks of another size.
  func resize(tokens: Int, longest: Int) {
    activations = LayerActivations(
      roomFor: decoder.allSizes, tokens: tokens, longest: longest, workers: workers.count)
  }

  /// Dequantizes a layer's weights. The result is valid until the next call.
  /// - Throws: `CheckpointError`.
  func at(_ layer: Int) throws -> DecoderLayer {
    try decoder.dequantize(layer: layer, into: weights, workers: workers)
    return pass(weights)
  }

  /// A layer with weights that the caller holds.
  func pass(_ weights: LayerParameters) -> DecoderLayer {
    DecoderLayer(
      LayerContext(
        weights: weights, activations: activations, rotation: rotary.rotation(of: weights.sizes.shape),
        normEpsilon: Float(decoder.configuration.rmsNormEpsilon), workers: workers))
  }
}
