/// One family of one layer, to be scored. The pointers are borrowed for the length of the call.
public struct UnitsRequest {
  public var family: String
  public var layer: Int
  /// [count]: each unit's index in the unpruned model.
  public var original: [Int]
  /// attention: k, v, q, o; mlp: gate, up, down.
  public var matrices: [MatrixRequest]
  /// Of the units themselves, [count] each.
  public var statistics: [Statistic: [Float]]

  public init(
    family: String, layer: Int, original: [Int], matrices: [MatrixRequest],
    statistics: [Statistic: [Float]] = [:]
  ) {
    self.statistics = statistics
    self.family = family
    self.layer = layer
    self.original = original
    self.matrices = matrices
  }
}

/// A float32 matrix, row after row, of somebody else's.
public struct MatrixMemory {
  public var rows: Int
  public var columns: Int
  public var base: UnsafePointer<Float>

  public init(_ base: UnsafePointer<Float>, rows: Int, columns: Int) {
    self.base = base
    self.rows = rows
    self.columns = columns
  }
}

/// A weight and its statistics.
public struct MatrixRequest {
  public enum Axis: Sendable { case rows, columns }

  public var name: String
  /// Which lines the units own.
  public var axis: Axis
  public var repeats: Int
  public var positions: Int
  public var weight: MatrixMemory
  /// More than the criterion asks for may be here.
  public var statistics: [Statistic: MatrixMemory]

  public init(
    name: String, axis: Axis, repeats: Int = 1, positions: Int = 1, weight: MatrixMemory,
    statistics: [Statistic: MatrixMemory] = [:]
  ) {
    self.name = name
    self.axis = axis
    self.repeats = repeats
    self.positions = positions
    self.weight = weight
    self.statistics = statistics
  }
}

/// A criterion with its options.
public final class CriterionInstance: PluginInstance<any CriterionCalls> {
  /// With these options, scores compare across families: they can be ranked together for what units cost.
  public var scoresCompare: Bool { traits.contains(.scoresCompare) }

  /// A score for each unit: [units.original.count], all finite.
  public func score(model: ModelSummary, units: UnitsRequest) throws(PluginError) -> [Float] {
    let count = units.original.count
    let scores = try calls.score(model, units)
    let written = scores.count { $0.bitPattern != unwrittenFloat.bitPattern }
    if written < count {
      throw .tooFewScores(plugin: plugin.id, place: units.place, expected: count, got: written)
    }
    if let index = scores.firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(plugin: plugin.id, place: units.place, index: index, value: "\(scores[index])")
    }
    return scores
  }
}

extension UnitsRequest {
  var place: String { "layer \(layer), \(family)" }

  /// Whether the units or one of their matrices have it.
  public func has(_ statistic: Statistic) -> Bool {
    statistics[statistic] != nil || matrices.contains { $0.statistics[statistic] != nil }
  }
}
