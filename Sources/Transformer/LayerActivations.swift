import Checkpoints
import Tensors

/// What a sublayer computes for one block of tokens and the backward pass needs again.
final class SublayerActivations {
  /// [tokens, hidden], the stream before it after its norm, and 1 / RMS a token.
  let normed: Buffer
  let inverseRMS: Buffer
  /// [tokens, products]: queries, keys and values side by side, queries and keys rotated; or gates and ups, gates first.
  fileprivate(set) var products: UnsafeMutablePointer<Float>
  fileprivate let ownProducts: Buffer
  /// [tokens, columns of the output projection]
  let inputs: Buffer

  fileprivate init(tokens: Int, hidden: Int, products: Int, inputs: Int) {
    normed = Buffer(tokens * hidden)
    inverseRMS = Buffer(tokens)
    ownProducts = Buffer(tokens * products)
    self.products = ownProducts.base
    self.inputs = Buffer(tokens * inputs)
  }
}

/// What a decoder layer computes on the way from its input to its output, for one block of tokens. The three that cost
/// large products to recompute can live elsewhere (`ActivationStore`).
final class LayerActivations {
  let tokens: Int
  let attention: SublayerActivations
  let mlp: SublayerActivations
  /// Queries and keys before their norm [tokens, queryWidth + keyValueWidth], and 1 / RMS a head [tokens, heads].
  let rawQueryKey: Buffer
  let inverseRMSQueryKey: Buffer
  /// [tokens, hidden]: the residual stream between attention and MLP.
  private(set) var middle: UnsafeMutablePointer<Float>
  private let ownMiddle: Buffer

  /// Scratch of attention, one a worker.
  let scratch: [Buffer]

  init(roomFor layers: [LayerSizes], tokens: Int, longest: Int, workers: Int) {
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    self.tokens = tokens
    let hidden = most(\.hidden)
    attention = SublayerActivations(
      tokens: tokens, hidden: hidden, products: most(\.queryKeyValueWidth), inputs: most(\.queryWidth))
    mlp = SublayerActivations(
      tokens: tokens, hidden: hidden, products: most { 2 * $0.intermediate }, inputs: most(\.intermediate))
    rawQueryKey = Buffer(
      tokens * most { $0.design.queryKeyNorm != .none ? $0.queryWidth + $0.keyValueWidth : 0 })
    inverseRMSQueryKey = Buffer(
      tokens * most { $0.design.queryKeyNorm != .none ? $0.queryHeads + $0.keyValueHeads : 0 })
    ownMiddle = Buffer(tokens * hidden)
    middle = ownMiddle.base
    scratch = (0..<workers).map { _ in Buffer(GroupAttention.scratchCount(length: longest)) }
  }

  /// Puts the three expensive tensors where they will be found again, or, given nil, into this memory.
  func use(_ kept: ActivationStore.Slice?) {
    attention.products = kept?.queryKeyValue ?? attention.ownProducts.base
    middle = kept?.middle ?? ownMiddle.base
    mlp.products = kept?.gateUp ?? mlp.ownProducts.base
  }
}

/// Keeps the activations of as many layers as fit a byte limit between the forward and the backward pass, so that their
/// large products need not be done again. The others are recomputed from the residual stream.
final class ActivationStore {
  /// Where one block's share of a layer lies.
  struct Slice {
    let queryKeyValue, middle, gateUp: UnsafeMutablePointer<Float>
  }

  private struct Kept {
    let sizes: LayerSizes
    let queryKeyValue, middle, gateUp: Buffer
  }

  private var layers: [Int: Kept] = [:]

  /// - Parameters:
  ///   - tokens: of the whole calibration.
  ///   - limit: bytes for all that is kept. The last layers are kept: the backward pass comes to them first and frees
  ///     them.
  init(layers sizes: [LayerSizes], tokens: Int, limit: Int) {
    var left = limit
    for (index, layer) in sizes.enumerated().reversed()
    where layer.design.queryKeyNorm == .none && !layer.isEmpty {
      let floats = tokens * (layer.queryKeyValueWidth + layer.hidden + 2 * layer.intermediate)
      guard floats * MemoryLayout<Float>.size <= left else { break }
      left -= floats * MemoryLayout<Float>.size
      layers[index] = Kept(
        sizes: layer, queryKeyValue: Buffer(tokens * layer.queryKeyValueWidth),
        middle: Buffer(tokens * layer.hidden), gateUp: Buffer(tokens * 2 * layer.intermediate))
    }
  }

  /// The part that belongs to the tokens from `firstToken` on; nil if the layer is not kept.
  func slice(layer: Int, firstToken: Int) -> Slice? {
    layers[layer].map { kept in
      Slice(
        queryKeyValue: kept.queryKeyValue.at(firstToken * kept.sizes.queryKeyValueWidth),
        middle: kept.middle.at(firstToken * kept.sizes.hidden),
        gateUp: kept.gateUp.at(firstToken * 2 * kept.sizes.intermediate))
    }
  }

  func release(layer: Int) { layers[layer] = nil }
}
