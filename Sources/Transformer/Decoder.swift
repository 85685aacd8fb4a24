import Checkpoints
import Tensors

/// A model that can be pruned: a checkpoint and the units of each layer that stay. Weights are dequantized and gathered one
/// layer at a time. Nothing is copied until the model is saved.
public final class Decoder {
  public let checkpoint: Checkpoint
  public var configuration: ModelConfiguration { checkpoint.configuration }
  /// The units that stay, [layers], each in its place in the model as it is now.
  public private(set) var selected: [KeptUnits<Numbering.Checkpoint>]
  private let source: ModelOrigin?

  /// - Parameter origin: what the checkpoint was cut from, if an earlier stage wrote it.
  /// - Throws: `DecoderError.emptyModel` if no layer has attention or an MLP, `DecoderError.wrongOrigin` if the origin does
  ///   not fit the checkpoint.
  public init(_ checkpoint: Checkpoint, origin: ModelOrigin? = nil) throws {
    self.checkpoint = checkpoint
    source = origin
    selected = checkpoint.configuration.layers.indices.map {
      let sizes = checkpoint.configuration.sizes($0)
      return KeptUnits { (0..<sizes.count(of: $0)).map { CheckpointUnit($0) } }
    }
    try requireAnything(of: selected)
    if let origin {
      let fits =
        origin.kept.count == selected.count && origin.counts.count == selected.count
        && origin.counts.allSatisfy { Set($0.keys) == Set(Family.widths) }
        && zip(origin.kept, selected).allSatisfy { origin, here in
          Family.widths.allSatisfy { origin.units(of: $0).count == here.units(of: $0).count }
        }
      guard fits else { throw DecoderError.wrongOrigin(file: checkpoint.location) }
    }
  }

  /// A copy. Later cuts of this model do not change it.
  public func copy() throws -> Decoder {
    let copy = try Decoder(checkpoint, origin: source)
    copy.selected = selected
    return copy
  }

  /// The whole model of the checkpoint.
  public func whole() throws -> Decoder { try Decoder(checkpoint, origin: source) }

  public var layerCount: Int { selected.count }

  /// The units that stay, [layers], each in its place in the model as it is now.
  public var kept: [KeptUnits<Numbering.Original>] {
    selected.enumerated().map { layer, selected in
      KeptUnits { family in
        let original = source?.kept[layer].units(of: family)
        return selected.units(of: family).map { original?[$0.value] ?? OriginalUnit($0.value) }
      }
    }
  }

  /// The number of units of a family in the original model's layer; 0 if it had no such sublayer.
  public func originalCount(of family: Family, layer: Int) -> Int {
    family.isWhole
      ? (family.widths.contains { originalCount(of: $0, layer: layer) > 0 } ? 1 : 0)
      : source?.counts[layer][family] ?? configuration.sizes(layer).count(of: family)
  }

  /// The origin of a checkpoint of the model as it is now.
  public var origin: ModelOrigin {
    ModelOrigin(
      kept: kept,
      counts: (0..<layerCount).map { layer in
        Dictionary(uniqueKeysWithValues: Family.widths.map { ($0, originalCount(of: $0, layer: layer)) })
      })
  }

  public var hidden: Int { configuration.hiddenSize }
  /// Whether the residual stream was sliced. Such a model runs, and cannot be changed.
  public var isSliced: Bool { configuration.residualWidths != nil }
  /// Columns of the embedding and of the head.
  var embeddingWidth: Int { configuration.residualWidths?.layer(0).input ?? hidden }
  var headWidth: Int { configuration.residualWidths?.head ?? hidden }

  /// - Throws: `DecoderError.sliced`.
  func requireUnsliced() throws {
    if isSliced { throw DecoderError.sliced(file: checkpoint.location) }
  }

  public var vocabulary: Int { configuration.vocabularySize }

  /// Keeps these of the units that a layer has now: ascending, at least one. An empty list removes whole sublayers, of the
  /// families of whole sublayers.
  /// - Throws: `DecoderError.badSelection`; `DecoderError.emptyModel` if no layer would have anything left.
  public func keep(_ positions: [CurrentUnit], of family: Family, layer: Int) throws {
    try requireUnsliced()
    guard selected.indices.contains(layer) else {
      throw DecoderError.badSelection(layer: layer, family: family)
    }
    let units = selected[layer].units(of: family)
    guard !positions.isEmpty || family.isWhole, zip(positions, positions.dropFirst()).allSatisfy(<),
      positions.allSatisfy({ units.indices.contains($0.value) })
    else { throw DecoderError.badSelection(layer: layer, family: family) }
    if family.isWhole {
      guard positions.isEmpty else { return }
      var rest = selected
      rest[layer].set([], of: family)
      try requireAnything(of: rest)
      selected = rest
    } else {
      selected[layer].set(positions.map { units[$0.value] }, of: family)
    }
  }

  private func requireAnything(of units: [KeptUnits<Numbering.Checkpoint>]) throws {
    guard !units.allSatisfy(\.isEmpty) else { throw DecoderError.emptyModel(file: checkpoint.location) }
  }

  /// Keeps exactly these units: for a run that is resumed. A sublayer without units is removed.
  /// - Throws: `DecoderError.badSelection`, `DecoderError.wrongOrigin` if the number of layers differs,
  ///   `DecoderError.emptyModel`.
  public func select(_ units: [KeptUnits<Numbering.Checkpoint>]) throws {
    guard units.count == layerCount else { throw DecoderError.wrongOrigin(file: checkpoint.location) }
    try requireAnything(of: units)
    for (layer, units) in units.enumerated() {
      for family in Family.widths {
        let (positions, count) = (units.units(of: family), configuration.sizes(layer).count(of: family))
        guard zip(positions, positions.dropFirst()).allSatisfy(<),
          positions.allSatisfy({ (0..<count).contains($0.value) })
        else { throw DecoderError.badSelection(layer: layer, family: family) }
      }
    }
    selected = units
  }

  public func sizes(_ layer: Int) -> LayerSizes {
    var sizes = configuration.sizes(layer)
    let groups = selected[layer].units(of: .attention).count
    sizes.shape.queryHeads = groups * sizes.shape.repeats
    sizes.shape.keyValueHeads = groups
    sizes.shape.intermediateSize = selected[layer].units(of: .mlp).count
    return sizes
  }

  public var allSizes: [LayerSizes] { (0..<layerCount).map(sizes) }

  /// Parameters of the model as it is now. A tied embedding counts once.
  public var parameters: Int {
    let ends =
      vocabulary * embeddingWidth + (configuration.tiedEmbeddings ? 0 : vocabulary * headWidth)
      + (isSliced ? 0 : hidden)
    return ends + allSizes.reduce(0) { $0 + $1.parameters }
  }

  /// Multiply-accumulates of a token in the projections and the head. Attention over the context is not counted.
  public var multiplyAccumulates: Int {
    vocabulary * headWidth + allSizes.reduce(0) { $0 + $1.multiplyAccumulates }
  }

  /// The configuration of the model as it is now, empty layers included.
  public var prunedConfiguration: ModelConfiguration {
    var result = configuration
    result.layers = allSizes.map(\.shape)
    return result
  }
}
