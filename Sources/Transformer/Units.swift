import Checkpoints

/// A sort of unit inside a decoder layer.
public enum Family: String, CaseIterable, Sendable {
  /// KV groups: a key head, its value head and the query heads that share them.
  case attention
  /// Channels of the MLP.
  case mlp
  /// A layer's whole attention with its norm: one unit, while it is there.
  case attentionBlock = "attention_block"
  /// A layer's whole MLP with its norm: one unit, while it is there.
  case mlpBlock = "mlp_block"
  /// A whole layer: one unit, while it has anything.
  case layer

  /// The families that make a layer narrower. At least one unit of each stays.
  public static let widths: [Family] = [.attention, .mlp]
  /// The families that make the model shallower, one sublayer at a time.
  public static let blocks: [Family] = [.attentionBlock, .mlpBlock]
  /// Families of one group may be pruned together: their units share no weights.
  public static let groups: [[Family]] = [widths, blocks, [.layer]]

  /// The width families that one unit takes with it; of a width family, itself.
  public var widths: [Family] {
    switch self {
    case .attention, .attentionBlock: [.attention]
    case .mlp, .mlpBlock: [.mlp]
    case .layer: Family.widths
    }
  }

  /// The family of a sublayer's units.
  public init(_ sublayer: ParameterSpec.Sublayer) { self = sublayer == .attention ? .attention : .mlp }

  /// The sublayer that a width family is part of; nil for whole sublayers and layers.
  public var sublayer: ParameterSpec.Sublayer? {
    ParameterSpec.Sublayer.allCases.first { Family($0) == self }
  }

  /// Whether a unit is a whole sublayer or layer. The last one may leave too.
  public var isWhole: Bool { !Family.widths.contains(self) }
}

/// The three numberings of a layer's units. The numbers of units change when others leave, and the numbers of rows when
/// the model is saved.
public enum Numbering {
  /// Of the model as it is now, without gaps.
  public enum Current {}
  /// Of the checkpoint that holds the weights.
  public enum Checkpoint {}
  /// Of the unpruned model. It outlasts cuts and saves.
  public enum Original {}
}

/// The number of a unit within its layer and family. Numbers of different numberings don't mix.
public struct UnitIndex<In>: Hashable, Strideable, Sendable, ExpressibleByIntegerLiteral {
  public let value: Int

  public init(_ value: Int) { self.value = value }
  public init(integerLiteral value: Int) { self.value = value }
  public func distance(to other: UnitIndex) -> Int { other.value - value }
  public func advanced(by count: Int) -> UnitIndex { UnitIndex(value + count) }
}

public typealias CurrentUnit = UnitIndex<Numbering.Current>
public typealias CheckpointUnit = UnitIndex<Numbering.Checkpoint>
public typealias OriginalUnit = UnitIndex<Numbering.Original>

extension Array {
  /// The rows or columns of these units, which have `width` each.
  func lines<In>(width: Int) -> [Int] where Element == UnitIndex<In> {
    flatMap { $0.value * width..<($0.value + 1) * width }
  }

  /// The position in this list of each of `units` that is in it, ascending.
  func positions<In>(of units: [UnitIndex<In>]) -> [CurrentUnit] where Element == UnitIndex<In> {
    let wanted = Set(units)
    return indices.filter { wanted.contains(self[$0]) }.map { CurrentUnit($0) }
  }
}

/// Which units of a layer stay, ascending. A family whose sublayer was removed has none.
public struct KeptUnits<In>: Equatable, Sendable {
  /// [families], as in `Family.widths`.
  private var lists: [[UnitIndex<In>]]

  public init(_ units: (Family) throws -> [UnitIndex<In>]) rethrows { lists = try Family.widths.map(units) }

  public var isEmpty: Bool { lists.allSatisfy(\.isEmpty) }

  /// [0] for a whole sublayer or layer that is there, nothing for one that is gone.
  public func units(of family: Family) -> [UnitIndex<In>] {
    Family.widths.firstIndex(of: family).map { lists[$0] }
      ?? (family.widths.contains { !units(of: $0).isEmpty } ? [0] : [])
  }

  /// Sets the units of each width family of `family`.
  mutating func set(_ units: [UnitIndex<In>], of family: Family) {
    for (index, width) in Family.widths.enumerated() where family.widths.contains(width) {
      lists[index] = units
    }
  }
}

/// What an earlier stage of the run cut a checkpoint from: the original units that its layers have, and how many there were.
public struct ModelOrigin: Equatable, Sendable {
  /// [layers], one for each unit of the checkpoint's layer.
  public var kept: [KeptUnits<Numbering.Original>]
  /// [layers], of each of `Family.widths`.
  public var counts: [[Family: Int]]

  public init(kept: [KeptUnits<Numbering.Original>], counts: [[Family: Int]]) {
    self.kept = kept
    self.counts = counts
  }
}

extension LayerSizes {
  public func count(of family: Family) -> Int {
    switch family {
    case .attention: keyValueHeads
    case .mlp: intermediate
    case .attentionBlock, .mlpBlock, .layer: family.widths.contains { count(of: $0) > 0 } ? 1 : 0
    }
  }

  /// The cost of what leaves with one unit. Norms and biases go with a whole sublayer.
  public func costPerUnit(of family: Family, in measure: Measure) -> Int {
    family.sublayer.map { costPerUnit(of: $0, in: measure) }
      ?? family.widths.compactMap(\.sublayer).reduce(0) { $0 + cost(of: $1, in: measure) }
  }
}
