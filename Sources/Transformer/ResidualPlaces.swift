import Checkpoints

/// A place of the residual stream with its own basis in a sliced model: before a sublayer, or behind the last.
public struct ResidualPlace: Equatable, Sendable {
  public enum Kind: String, Sendable { case attention, mlp, head }

  /// What reads the stream here.
  public let kind: Kind
  /// For the head, the number of layers.
  public let layer: Int
  /// Parameters that one column of the stream costs in the matrices that read and write it, without shortcuts; and
  /// multiply-accumulates of a token.
  public let parameters: Int
  public let multiplyAccumulates: Int
}

/// The places of a model, first to last, and the size of a sliced model with their widths:
///
///     size = fixed + Σ cost[k] · width[k] + Σ width[k] · width[k + 1]
///
/// The products are the shortcut matrices, one beside each sublayer.
public struct ResidualPlaces: Equatable, Sendable {
  public let places: [ResidualPlace]
  public let hidden: Int
  /// Parameters that no width changes: biases of queries, keys, values, gates and ups, and norms of queries and keys.
  public let fixedParameters: Int
  private let layers: [LayerSizes]

  /// - Parameters:
  ///   - layers: the layers of a model that is not sliced.
  ///   - vocabulary: rows of the embedding and of the head. Slicing unties them.
  init(layers: [LayerSizes], hidden: Int, vocabulary: Int) {
    self.layers = layers
    self.hidden = hidden
    var places: [ResidualPlace] = []
    var fixed = 0
    // Parameters and multiply-accumulates of what writes the stream that the next place reads.
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
        // Norms of the stream go into the matrices behind them.
        fixed += specs.reduce(0) {
          $0 + ($1.columns == nil && !$1.role.isOutput && $1.rows != .hidden ? layer[$1.rows] : 0)
        }
      }
    }
    add(.head, layers.count, reads: vocabulary, writes: 0, biases: 0)
    self.places = places
    fixedParameters = fixed
  }

  /// The widths by layer.
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
  /// The places where the residual stream can be sliced.
  /// - Throws: `DecoderError.sliced`, `DecoderError.normsBehind`.
  public func residualPlaces() throws -> ResidualPlaces {
    try requireUnsliced()
    guard !configuration.design.normPlacement.hasAfter else {
      throw DecoderError.normsBehind(file: checkpoint.location)
    }
    return ResidualPlaces(layers: allSizes, hidden: hidden, vocabulary: vocabulary)
  }
}
