import JSON
import PluginABI

/// An output projection that is to lose columns. The pointers are borrowed for the length of the call.
public struct ProjectionRequest {
  public var family: String
  public var layer: Int
  /// "o_proj" or "down_proj".
  public var name: String
  /// [rows, columns], before the cut.
  public var weight: MatrixMemory
  /// [rows]; nil if it has none.
  public var bias: [Float]?
  /// The columns that stay, ascending.
  public var kept: [Int]
  /// By name; more than the compensator asks for may be here.
  public var statistics: [String: MatrixMemory]

  public init(
    family: String, layer: Int, name: String, weight: MatrixMemory, bias: [Float]? = nil, kept: [Int],
    statistics: [String: MatrixMemory] = [:]
  ) {
    self.family = family
    self.layer = layer
    self.name = name
    self.weight = weight
    self.bias = bias
    self.kept = kept
    self.statistics = statistics
  }
}

/// What is left of a projection.
public struct CompensatedProjection: Equatable, Sendable {
  /// [rows, kept]
  public var weight: [Float]
  /// [rows]; nil where there is none.
  public var bias: [Float]?
}

/// A compensator with its options. One thread at a time.
public final class CompensatorInstance {
  public let plugin: LoadedPlugin
  /// Resolved.
  public var options: JSONValue { instance.options }
  /// What it needs with these options.
  public let statistics: [String]
  /// Inputs are gathered from the layers before as cut and compensated; else from the model before the cut.
  public let followsCut: Bool
  /// Every output projection of a pruned family gets a bias.
  public let addsBias: Bool

  private let table: ap_compensator
  private let instance: PluginInstance

  public init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    self.plugin = plugin
    table = try PluginInstance.table(of: plugin, kind: .compensator, as: ap_compensator.self)
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: table.create, destroy: table.destroy)
    statistics = try instance.statistics(table.statistics)
    followsCut = table.follows_cut(instance.pointer) != 0
    addsBias = table.adds_bias(instance.pointer) != 0
  }

  /// Written past the end by a plugin that counts wrong; then its answer is refused instead of a crash later.
  private static let guardCount = 16
  private static let guardValue = Float(bitPattern: 0x7fed_ad0b)

  /// The projection without the columns that leave, changed.
  public func compensate(
    model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection {
    let arena = Arena()
    let place = "layer \(projection.layer), \(projection.name)"
    let (rows, columns) = (projection.weight.rows, projection.weight.columns)
    guard projection.kept.allSatisfy((0..<columns).contains),
      projection.bias.map({ $0.count == rows }) ?? true
    else {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "kept columns or bias", expected: "those of the weight",
        got: "others")
    }
    var statistics: [ap_tensor] = []
    for name in self.statistics {
      guard let memory = projection.statistics[name] else {
        throw .outOfRange(
          plugin: plugin.id, place: place, field: "statistic \"\(name)\"", expected: "handed in by the host",
          got: "missing")
      }
      statistics.append(memory.tensor(of: arena))
    }
    let request = arena.one(
      ap_projection(
        struct_size: UInt32(MemoryLayout<ap_projection>.size), family: arena.text(projection.family),
        layer: Int64(projection.layer), name: arena.text(projection.name),
        weight: projection.weight.tensor(of: arena),
        bias: projection.bias.map { UnsafePointer(arena.array($0)) },
        kept_count: Int64(projection.kept.count),
        kept: UnsafePointer(arena.array(projection.kept.map(Int64.init))),
        statistics: UnsafePointer(arena.array(statistics))))
    let guards = [Float](repeating: Self.guardValue, count: Self.guardCount)
    var left: [Float] = []
    left.reserveCapacity(rows * projection.kept.count + Self.guardCount)
    for row in 0..<rows {
      for column in projection.kept { left.append(projection.weight.base[row * columns + column]) }
    }
    let hasBias = addsBias || projection.bias != nil
    let weight = arena.array(left + guards)
    let bias = arena.array((projection.bias ?? [Float](repeating: 0, count: rows)) + guards)
    let model = model.inMemory(of: arena)
    try instance.host.call("compensate") {
      table.compensate(instance.pointer, $0, model, request, weight, hasBias ? bias : nil)
    }
    return CompensatedProjection(
      weight: try checked(weight, count: rows * projection.kept.count, place: place),
      bias: hasBias ? try checked(bias, count: rows, place: place + "'s bias") : nil)
  }

  private func checked(
    _ values: UnsafeMutablePointer<Float>, count: Int, place: String
  ) throws(PluginError) -> [Float] {
    let all = UnsafeBufferPointer(start: values, count: count + Self.guardCount)
    guard all[count...].allSatisfy({ $0.bitPattern == Self.guardValue.bitPattern }) else {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "the answer", expected: "\(count) elements", got: "more")
    }
    if let index = all[..<count].firstIndex(where: { !$0.isFinite }) {
      throw .notFinite(plugin: plugin.id, place: place, index: index, value: "\(all[index])")
    }
    return Array(all[..<count])
  }
}
