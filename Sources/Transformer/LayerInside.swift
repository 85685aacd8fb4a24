import Checkpoints
import Tensors

/// Sequences that lie one after another in a block of tokens; each starts at position 0.
struct SequenceBlock {
  /// Rows of each sequence within the block.
  let sequences: [Range<Int>]
  var tokens: Int { sequences.last?.upperBound ?? 0 }
  var longest: Int { sequences.map(\.count).max() ?? 0 }

  init(lengths: some Sequence<Int>) {
    var start = 0
    sequences = lengths.map { length in
      defer { start += length }
      return start..<start + length
    }
  }
}

/// What a decoder layer computes on the way from its input to its output, for one block of tokens: the backward pass
/// needs it again. The three that cost large products to recompute can live elsewhere (`ActivationStore`).
final class LayerInside {
  let tokens: Int
  /// [tokens, hidden], the input after its norm, and 1 / RMS a token.
  let normed: Buffer
  let inverseRMS: Buffer
  /// [tokens, queryWidth + 2 · keyValueWidth]: queries and keys rotated.
  private let ownQueryKeyValue: Buffer
  /// Queries and keys before their norm [tokens, queryWidth + keyValueWidth], and 1 / RMS a head [tokens, heads].
  let rawQueryKey: Buffer
  let inverseRMSQueryKey: Buffer
  /// [tokens, queryWidth]
  let attended: Buffer
  /// [tokens, hidden]: the residual stream between attention and MLP.
  private let ownMiddle: Buffer
  let normedMiddle: Buffer
  let inverseRMSMiddle: Buffer
  /// [tokens, 2 · intermediate], gates first in each row.
  private let ownGateUp: Buffer
  /// [tokens, intermediate]
  let activated: Buffer

  /// Scratch of attention, one a worker.
  let scratch: [Buffer]

  var queryKeyValue: UnsafeMutablePointer<Float>
  var middle: UnsafeMutablePointer<Float>
  var gateUp: UnsafeMutablePointer<Float>

  init(roomFor layers: [LayerSizes], tokens: Int, longest: Int, workers: Int) {
    func most(_ size: (LayerSizes) -> Int) -> Int { (layers.map(size).max() ?? 1) * tokens }
    self.tokens = tokens
    normed = Buffer(most(\.hidden))
    inverseRMS = Buffer(tokens)
    ownQueryKeyValue = Buffer(most(\.queryKeyValueWidth))
    rawQueryKey = Buffer(most { $0.design.queryKeyNorm != .none ? $0.queryWidth + $0.keyValueWidth : 0 })
    inverseRMSQueryKey = Buffer(
      most { $0.design.queryKeyNorm != .none ? $0.queryHeads + $0.keyValueHeads : 0 })
    attended = Buffer(most(\.queryWidth))
    ownMiddle = Buffer(most(\.hidden))
    normedMiddle = Buffer(most(\.hidden))
    inverseRMSMiddle = Buffer(tokens)
    ownGateUp = Buffer(most { 2 * $0.intermediate })
    activated = Buffer(most(\.intermediate))
    scratch = (0..<workers).map { _ in Buffer(Attention.scratchCount(length: longest)) }
    queryKeyValue = ownQueryKeyValue.base
    middle = ownMiddle.base
    gateUp = ownGateUp.base
  }

  /// Puts the three expensive tensors where they will be found again, or, given nil, into this workspace.
  func use(_ kept: ActivationStore.Slice?) {
    queryKeyValue = kept?.queryKeyValue ?? ownQueryKeyValue.base
    middle = kept?.middle ?? ownMiddle.base
    gateUp = kept?.gateUp ?? ownGateUp.base
  }
}

/// Keeps the inside of as many layers as fit a byte limit between the forward and the backward pass, so that their
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
