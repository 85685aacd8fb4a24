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
    func add(_ kind: ResidualPlace.Kind, _ layer: Int, reads: Int, writes: Int, biases: Int) {
      places.append(
        ResidualPlace(
          kind: kind, layer: layer, parameters: written + reads, multiplyAccumulates: multiplied + reads))
      (written, multiplied) = (writes + biases, writes)
    }
    for (index, layer) in layers.enumerated() {
      for sublayer in ParameterSpec.Sublayer.allCases where layer.has(sublayer) {
        let specs = layer.specs.filter { $0.role.sublayer == sublayer }
        let writing = specs.filter(\.role.isOutput)
        add(
          sublayer == .attention ? .attention : .mlp, index,
          reads: specs.reduce(0) { $0 + ($1.isProjection && !$1.role.isOutput ? layer[$1.rows] : 0) },
          writes: writing.reduce(0) { $0 + ($1.columns.map { layer[$0] } ?? 0) },
          biases: writing.count(where: \.isBias))
        // Norms of the stream are in the matrices behind them.
        fixed += specs.reduce(0) {
          $0 + ($1.columns == nil && !$1.role.isOutput && $1.rows != .hidden ? layer[$1.rows] : 0)
        }
      }
    }
    add(.head, layers.count, reads: vocabulary, writes: 0, biases: 0)
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
