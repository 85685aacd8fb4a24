import JSON
import PluginABI

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

extension MatrixMemory {
  func tensor(of arena: Arena) -> ap_tensor {
    var tensor = ap_tensor()
    tensor.data = UnsafeMutableRawPointer(mutating: base)
    tensor.device.type = 1
    tensor.ndim = 2
    tensor.dtype.code = 2
    tensor.dtype.bits = 32
    tensor.dtype.lanes = 1
    tensor.shape = UnsafePointer(arena.array([Int64(rows), Int64(columns)]))
    tensor.strides = UnsafePointer(arena.array([Int64(columns), 1]))
    return tensor
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
public final class CriterionInstance {
  public let plugin: LoadedPlugin
  /// Resolved.
  public var options: JSONValue { instance.options }
  /// What it needs with these options.
  public let statistics: [String]

  private let table: ap_criterion
  private let instance: PluginInstance

  public init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    self.plugin = plugin
    table = try PluginInstance.table(of: plugin, kind: .criterion, as: ap_criterion.self)
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: table.create, destroy: table.destroy)
    statistics = try instance.statistics(table.statistics)
  }

  /// A NaN that no arithmetic makes: what a plugin has not written still reads so.
  private static let unwritten = Float(bitPattern: 0x7fed_ad0b)
  /// Written past the end by a plugin that counts wrong; then its answer is refused instead of a crash later.
  private static let guardCount = 16

  /// A score for each unit: [units.original.count], all finite.
  public func score(model: ModelSummary, units: UnitsRequest) throws(PluginError) -> [Float] {
    let arena = Arena()
    let count = units.original.count
    let place = "layer \(units.layer), \(units.family)"
    let request = try inMemory(units, place: place, arena)
    let scores = arena.array([Float](repeating: Self.unwritten, count: count + Self.guardCount))
    let model = model.inMemory(of: arena)
    try instance.host.call("score") { table.score(instance.pointer, $0, model, request, scores) }

    let answer = Array(UnsafeBufferPointer(start: scores, count: count + Self.guardCount))
    func isUnwritten(_ score: Float) -> Bool { score.bitPattern == Self.unwritten.bitPattern }
    let written = answer[..<count].count { !isUnwritten($0) }
    if written < count {
      throw .tooFewScores(plugin: plugin.id, place: place, expected: count, got: written)
    }
    if !answer[count...].allSatisfy(isUnwritten) {
      throw .tooManyScores(plugin: plugin.id, place: place, expected: count)
    }
    if let index = answer[..<count].firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(plugin: plugin.id, place: place, index: index, value: "\(answer[index])")
    }
    return Array(answer[..<count])
  }

  private func inMemory(
    _ units: UnitsRequest, place: String, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_units> {
    for name in statistics {
      guard units.statistics[name] != nil || units.matrices.contains(where: { $0.statistics[name] != nil })
      else {
        throw .outOfRange(
          plugin: plugin.id, place: place, field: "statistic \"\(name)\"",
          expected: "one that units of family \(units.family) have", got: "it does not")
      }
    }
    func tensors(_ statistic: (String) -> MatrixMemory?) -> UnsafePointer<ap_tensor> {
      UnsafePointer(
        arena.array(statistics.map { statistic($0)?.tensor(of: arena) ?? ap_tensor() }))
    }
    let matrices = units.matrices.map { matrix in
      Optional(
        UnsafePointer(
          arena.one(
            ap_matrix(
              struct_size: UInt32(MemoryLayout<ap_matrix>.size),
              axis: ap_axis(matrix.axis == .rows ? AP_ROWS : AP_COLUMNS), name: arena.text(matrix.name),
              repeats: Int64(matrix.repeats), positions: Int64(matrix.positions),
              weight: matrix.weight.tensor(of: arena), statistics: tensors { matrix.statistics[$0] }))))
    }
    return UnsafePointer(
      arena.one(
        ap_units(
          struct_size: UInt32(MemoryLayout<ap_units>.size), family: arena.text(units.family),
          layer: Int64(units.layer), count: Int64(units.original.count),
          original: UnsafePointer(arena.array(units.original.map(Int64.init))),
          matrix_count: Int64(matrices.count), matrices: UnsafePointer(arena.array(matrices)),
          statistics: tensors { name in
            units.statistics[name].map { MatrixMemory(arena.array($0), rows: 1, columns: $0.count) }
          })))
  }
}
