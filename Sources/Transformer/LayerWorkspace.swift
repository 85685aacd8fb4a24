import Checkpoints
import Tensors

/// What a pass needs to compute one layer after another: the weights of the layer at hand in float32, the layer's activations
/// for one block of tokens, the rotary tables and the threads.
final class LayerWorkspace {
  let decoder: Decoder
  let workers: Workers
  /// Of the layer that `at` was last asked for.
  let weights: LayerParameters
  private(set) var activations: LayerActivations
  private let rotary: RotaryTables

  /// - Parameters:
  ///   - tokens: of the largest block.
  ///   - longest: tokens of the longest sequence.
  ///   - positions: that the rotary tables have; nil for as many as the longest sequence has.
  ///   - others: layers of other models that use the same memory.
  init(
    _ decoder: Decoder, tokens: Int, longest: Int, positions: Int? = nil, roomFor others: [LayerSizes] = [],
    workers: Workers
  ) {
    self.decoder = decoder
    self.workers = workers
    let sizes = decoder.allSizes
    weights = LayerParameters(roomFor: sizes)
    activations = LayerActivations(
      roomFor: sizes + others, tokens: tokens, longest: longest, workers: workers.count)
    rotary = RotaryTables(
      decoder.configuration.rope, layers: decoder.configuration.layers, positions: positions ?? longest)
  }

  convenience init(_ decoder: Decoder, _ blocks: Blocks, roomFor others: [LayerSizes] = [], workers: Workers)
  {
    self.init(
      decoder, tokens: blocks.mostTokens, longest: blocks.longest, roomFor: others, workers: workers)
  }

  /// Weights of another model with layers of the same kind, which takes turns with `other` in one memory.
  init(_ decoder: Decoder, sharing other: LayerWorkspace) {
    self.decoder = decoder
    workers = other.workers
    weights = LayerParameters(roomFor: decoder.allSizes)
    activations = other.activations
    rotary = other.rotary
  }

  /// Makes room for blocks of another size.
  func resize(tokens: Int, longest: Int) {
    activations = LayerActivations(
      roomFor: decoder.allSizes, tokens: tokens, longest: longest, workers: workers.count)
  }

  /// Dequantizes a layer's weights, and answers its pass; valid until the next call.
  /// - Throws: `CheckpointError`.
  func at(_ layer: Int) throws -> DecoderLayer {
    try decoder.widen(layer: layer, into: weights, workers: workers)
    return pass(weights)
  }

  /// The pass of a layer with weights that the caller holds.
  func pass(_ weights: LayerParameters) -> DecoderLayer {
    DecoderLayer(
      LayerContext(
        weights: weights, activations: activations, rotary: rotary,
        normEpsilon: Float(decoder.configuration.rmsNormEpsilon), workers: workers))
  }
}
