import Checkpoints

/// A place of the residual stream that has a basis of its own in a sliced model: before a sublayer, or behind the last.
public struct ResidualPlace: Equatable, Sendable {
  public enum Kind: String, Sendable { case attention, mlp, head }

  /// The sublayer that reads the stream here.
  public let kind: Kind
  /// Of the head the number of layers.
  public let layer: Int
  /// Parameters in matrices that one column of the stream costs here, shortcuts apart, and multiply-accumulates a token:
  /// what reads it and what writes it.
  public let parameters: Int
  public let multiplyAccumulates: Int
}

/// The places of a model, first to last, and what widths there come to:
///
///     size = fixed + Σ cost[k] · width[k] + Σ width[k] · width[k + 1],
///
/// the products being the shortcut matrices, one beside each sublayer.
public struct ResidualPlaces: Equatable, Sendable {
  public let places: [ResidualPlace]
  public let hidden: Int
  /// What no width changes: biases of queries, keys, values, gates and ups, and the norms of queries and keys.
  public let fixedParameters: Int
  private let layers: [LayerSizes]

  /// - Parameters:
  ///   - layers: of a model that is not sliced.
  ///   - vocabulary: rows of the embedding, and of the head, which is untied where it was tied.
  init(layers: [LayerSizes], hidden: Int, vocabulary: Int) {
    self.layers = layers
    self.hidden = hidden
    var places: [ResidualPlace] = []
    var fixed = 0
    // What writes the stream that the next place reads.
    var (written, multiplied) = (vocabulary, 0)
    func add(_ kind: ResidualPlace.Kind, _ layer: Int, reads: Int, writes: Int, bias: Bool) {
      places.append(
        ResidualPlace(
          kind: kind, layer: layer, parameters: written + reads, multiplyAccumulates: multiplied + reads))
      (written, multiplied) = (writes + (bias ? 1 : 0), writes)
    }
    for (index, layer) in layers.enumerated() {
      if layer.hasAttention {
        add(
          .attention, index, reads: layer.queryKeyValueWidth, writes: layer.queryWidth, bias: layer.outputBias
        )
        fixed +=
          (layer.queryKeyValueBias ? layer.queryKeyValueWidth : 0)
          + (layer.queryKeyNorm ? 2 * layer.headDimension : 0)
      }
      if layer.hasMLP {
        add(.mlp, index, reads: 2 * layer.intermediate, writes: layer.intermediate, bias: layer.downBias)
        fixed += layer.gateUpBias ? 2 * layer.intermediate : 0
      }
    }
    add(.head, layers.count, reads: vocabulary, writes: 0, bias: false)
    self.places = places
    fixedParameters = fixed
  }

  /// The same widths by layer.
  ///
  /// - Parameter widths: [places]
  public func widths(_ widths: [Int]) -> ResidualWidths {
    var left = widths[...]
    var next = left.popLast() ?? hidden
    let head = next
    var attention = [Int](repeating: 0, count: layers.count)
    var mlp = attention
    for (index, layer) in layers.enumerated().reversed() {
      if layer.hasMLP { next = left.popLast() ?? hidden }
      mlp[index] = next
      if layer.hasAttention { next = left.popLast() ?? hidden }
      attention[index] = next
    }
    return ResidualWidths(attention: attention, mlp: mlp, head: head)
  }
}

extension Decoder {
  /// Where the residual stream can be sliced.
  /// - Throws: `DecoderError.sliced`.
  public func residualPlaces() throws -> ResidualPlaces {
    try requireUnsliced()
    return ResidualPlaces(layers: allSizes, hidden: hidden, vocabulary: vocabulary)
  }
}
