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
  /// All that a layer has: one unit, as long as it has anything.
  case layer

  /// Those whose units make a layer narrower. Of each, at least one unit stays.
  public static let widths: [Family] = [.attention, .mlp]
  /// Those whose units make the model shallower, a sublayer at a time.
  public static let blocks: [Family] = [.attentionBlock, .mlpBlock]
  /// Families of one group may be pruned together: their units have no weight in common.
  public static let groups: [[Family]] = [widths, blocks, [.layer]]

  /// The families all of whose units are gone with one unit of this one; of a width family itself.
  public var widths: [Family] {
    switch self {
    case .attention, .attentionBlock: [.attention]
    case .mlp, .mlpBlock: [.mlp]
    case .layer: Family.widths
    }
  }

  /// Whose units are parts of a sublayer.
  public init(_ sublayer: ParameterSpec.Sublayer) { self = sublayer == .attention ? .attention : .mlp }

  /// The sublayer whose parts the units of a width family are; nil of whole sublayers and layers.
  public var sublayer: ParameterSpec.Sublayer? {
    ParameterSpec.Sublayer.allCases.first { Family($0) == self }
  }

  /// A unit is a whole sublayer, or layer, and may leave as the last one.
  public var isWhole: Bool { !Family.widths.contains(self) }
}

/// Which units of a layer stay, as indices into the checkpoint's own layer, ascending.
public struct KeptUnits: Equatable, Sendable {
  /// KV groups; none where the attention was removed as a whole.
  public var groups: [Int]
  /// MLP channels; none where the MLP was removed as a whole.
  public var channels: [Int]

  public init(groups: [Int], channels: [Int]) {
    self.groups = groups
    self.channels = channels
  }

  public var isEmpty: Bool { groups.isEmpty && channels.isEmpty }

  /// Of a family of whole sublayers [0], or nothing where they are gone.
  public func units(of family: Family) -> [Int] {
    switch family {
    case .attention: groups
    case .mlp: channels
    case .attentionBlock, .mlpBlock, .layer:
      family.widths.contains { !units(of: $0).isEmpty } ? [0] : []
    }
  }

  /// - Parameter family: one of `Family.widths`; of another, each of those that it is made of.
  mutating func set(_ units: [Int], of family: Family) {
    for width in family.widths {
      if width == .attention { groups = units } else { channels = units }
    }
  }
}

/// What a checkpoint was cut from, when an earlier stage of the run wrote it: which units of the original model its
/// layers have, and how many there were.
public struct ModelOrigin: Equatable, Sendable {
  /// [layers], in indices of the original model, as many as the checkpoint's layers have units.
  public var kept: [KeptUnits]
  /// [layers]
  public var groupCounts: [Int]
  public var channelCounts: [Int]

  public init(kept: [KeptUnits], groupCounts: [Int], channelCounts: [Int]) {
    self.kept = kept
    self.groupCounts = groupCounts
    self.channelCounts = channelCounts
  }
}

extension LayerSizes {
  /// How many units of a family the layer has.
  public func count(of family: Family) -> Int {
    switch family {
    case .attention: keyValueHeads
    case .mlp: intermediate
    case .attentionBlock, .mlpBlock, .layer: family.widths.contains { count(of: $0) > 0 } ? 1 : 0
    }
  }

  /// Parameters that leave with one unit; with a whole sublayer go its norms and biases.
  public func parametersPerUnit(of family: Family) -> Int {
    family.sublayer.map { parametersPerUnit(of: $0) } ?? sum(over: family, parameters)
  }

  /// Multiply-accumulates a token that leave with it.
  public func multiplyAccumulatesPerUnit(of family: Family) -> Int {
    family.sublayer.map { multiplyAccumulatesPerUnit(of: $0) } ?? sum(over: family, multiplyAccumulates)
  }

  private func sum(over family: Family, _ measure: (ParameterSpec.Sublayer) -> Int) -> Int {
    family.widths.compactMap(\.sublayer).reduce(0) { $0 + measure($1) }
  }
}
