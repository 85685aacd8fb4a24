import Checkpoints
import Tensors

/// A sublayer's activations for one block of tokens that the backward pass needs.
final class SublayerActivations {
  /// [tokens, hidden]: the normed input; and [tokens]: 1 / RMS.
  let normed: Buffer
  let inverseRMS: Buffer
  /// [tokens, products]: queries, keys and values side by side, queries and keys rotated; or gates and ups, gates first.
  fileprivate(set) var products: UnsafeMutablePointer<Float>
  fileprivate let ownProducts: Buffer
  /// [tokens, columns of the output projection]
  let inputs: Buffer
  /// [tokens, hidden]: the output projection's result, where the stream is not just the sum with it; and [tokens]: 1 / RMS,
  /// where a norm follows.
  let branch: Buffer
  let inverseRMSBranch: Buffer

  fileprivate init(tokens: Int, hidden: Int, products: Int, inputs: Int, branch: Int) {
    self.branch = Buffer(max(1, tokens * branch))
    inverseRMSBranch = Buffer(tokens)
    normed = Buffer(tokens * hidden)
    inverseRMS = Buffer(tokens)
    ownProducts = Buffer(tokens * products)
    self.products = ownProducts.base
    self.inputs = Buffer(tokens * inputs)
  }
}

/// A decoder layer's activations for one block of tokens. The three that are dear to recompute can be in an
/// `ActivationStore` instead.
final class LayerActivations {
  let tokens: Int
  let attention: SublayerActivations
  let mlp: SublayerActivations
  /// Queries and keys before their norm, [tokens, queryWidth + keyValueWidth]; and 1 / RMS, [tokens, heads].
  let rawQueryKey: Buffer
  let inverseRMSQueryKey: Buffer
  /// [tokens, hidden]: the residual stream between attention and MLP.
  private(set) var middle: UnsafeMutablePointer<Float>
  private let ownMiddle: Buffer
  /// [tokens, hidden]: a sublayer's branch after its norm.
  let normedBranch: Buffer
  /// [workers]: scratch of attention.
  let scratch: [Buffer]

  init(roomFor layers: [LayerSizes], tokens: Int, longest: Int, workers: Int) {
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    self.tokens = tokens
    let hidden = most(\.hidden)
    let branch = most { $0.addsBranchAsIs ? 0 : $0.hidden }
    normedBranch = Buffer(max(1, tokens * most { $0.design.normPlacement.hasAfter ? $0.hidden : 0 }))
    attention = SublayerActivations(
      tokens: tokens, hidden: hidden, products: most(\.queryKeyValueWidth), inputs: most(\.queryWidth),
      branch: branch)
    mlp = SublayerActivations(
      tokens: tokens, hidden: hidden, products: most { 2 * $0.intermediate }, inputs: most(\.intermediate),
      branch: branch)
    rawQueryKey = Buffer(
      tokens * most { $0.design.queryKeyNorm != .none ? $0.queryWidth + $0.keyValueWidth : 0 })
    inverseRMSQueryKey = Buffer(
      tokens * most { $0.design.queryKeyNorm != .none ? $0.queryHeads + $0.keyValueHeads : 0 })
    ownMiddle = Buffer(tokens * hidden)
    middle = ownMiddle.base
    let isCapped = layers.contains { $0.design.attentionSoftCap != nil }
    scratch = (0..<workers).map { _ in
      Buffer(GroupAttention.scratchCount(length: longest, isCapped: isCapped))
    }
  }

  subscript(sublayer: ParameterSpec.Sublayer) -> SublayerActivations {
    sublayer == .attention ? attention : mlp
  }

  /// Puts the three dear tensors into an `ActivationStore`, or, given nil, into this memory.
  func use(_ kept: ActivationStore.Slice?) {
    attention.products = kept?.queryKeyValue ?? attention.ownProducts.base
    middle = kept?.middle ?? ownMiddle.base
    mlp.products = kept?.gateUp ?? mlp.ownProducts.base
  }
}

/// Keeps activations of as many layers as fit a byte limit between the forward and the backward pass. Those of the other
/// layers are recomputed from the residual stream.
final class ActivationStore {
  /// The share of one block in a layer.
  struct Slice {
    let queryKeyValue, middle, gateUp: UnsafeMutablePointer<Float>
  }

  private struct Kept {
    let sizes: LayerSizes
    let queryKeyValue, middle, gateUp: Buffer
  }

  private var layers: [Int: Kept] = [:]

  /// - Parameters:
  ///   - tokens: all tokens of the pass.
  ///   - limit: bytes for all layers. The last layers are kept, since the backward pass frees them first.
  init(layers sizes: [LayerSizes], tokens: Int, limit: Int) {
    var left = limit
    for (index, layer) in sizes.enumerated().reversed()
    where layer.design.queryKeyNorm == .none && !layer.isEmpty {
      left -= 4 * tokens * (layer.queryKeyValueWidth + layer.hidden + 2 * layer.intermediate)
      guard left >= 0 else { break }
      layers[index] = Kept(
        sizes: layer, queryKeyValue: Buffer(tokens * layer.queryKeyValueWidth),
        middle: Buffer(tokens * layer.hidden), gateUp: Buffer(tokens * 2 * layer.intermediate))
    }
  }

  /// The part from `firstToken` on; nil if the layer is not kept.
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
