import JSON

/// One family of one layer, to be scored. The pointers are borrowed for the length of the call.
public struct UnitsRequest {
  public var family: String
  public var layer: Int
  /// [count]: each unit's index in the unpruned model.
  public var original: [Int]
  /// attention: k, v, q, o; mlp: gate, up, down.
  public var matrices: [MatrixRequest]
  /// Of the units themselves, by name, [count] each.
  public var statistics: [String: [Float]]

  public init(
    family: String, layer: Int, original: [Int], matrices: [MatrixRequest],
    statistics: [String: [Float]] = [:]
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
  /// By name; more than the criterion asks for may be here.
  public var statistics: [String: MatrixMemory]

  public init(
    name: String, axis: Axis, repeats: Int = 1, positions: Int = 1, weight: MatrixMemory,
    statistics: [String: MatrixMemory] = [:]
  ) {
    self.name = name
    self.axis = axis
    self.repeats = repeats
    self.positions = positions
    self.weight = weight
    self.statistics = statistics
  }
}

/// A criterion with its options. One thread at a time.
public final class CriterionInstance: KindInstance {
  public let plugin: LoadedPlugin
  /// Resolved.
  public let options: JSONValue
  /// What it needs with these options.
  public var statistics: [String] { calls.statistics }
  /// With these options, scores compare across families: they can be ranked together for what units cost.
  public var scoresCompare: Bool { calls.traits.contains(.scoresCompare) }

  private let calls: any CriterionCalls
  var inside: any InstanceCalls { calls }

  public init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    self.plugin = plugin
    (self.options, calls) = try plugin.make(
      .criterion, options, services, table: CriterionTable.init, worker: { $0 },
      function: { (function) throws(PluginError) in
        try ForeignCriterion(plugin, function, services: services)
      })
  }

  /// A score for each unit: [units.original.count], all finite.
  public func score(model: ModelSummary, units: UnitsRequest) throws(PluginError) -> [Float] {
    let count = units.original.count
    let scores = try calls.score(model, units)
    let written = scores.count { $0.bitPattern != unwrittenScore.bitPattern }
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
}
