import JSON
import PluginABI

/// `ap_compensator` in this process.
final class CompensatorTable: CompensatorCalls {
  let statistics: [String]
  let traits: Set<Trait>

  private let table: ap_compensator
  private let instance: PluginInstance

  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) {
    self.table = table.assumingMemoryBound(to: ap_compensator.self).pointee
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: self.table.create,
      destroy: self.table.destroy)
    statistics = try instance.statistics(self.table.statistics)
    traits = Set([
      .followsCut: self.table.follows_cut(instance.pointer),
      .addsBias: self.table.adds_bias(instance.pointer),
    ])
  }

  /// A NaN that no arithmetic makes.
  private static let spare = Float(bitPattern: 0x7fed_ad0b)

  func compensate(
    _ model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection {
    let arena = instance.host.arena()
    let place = "layer \(projection.layer), \(projection.name)"
    let (rows, columns) = (projection.weight.rows, projection.weight.columns)
    var statistics: [ap_tensor] = []
    for name in self.statistics {
      guard let memory = projection.statistics[name] else {
        throw .outOfRange(
          plugin: instance.plugin.id, place: place, field: "statistic \"\(name)\"",
          expected: "handed in by the host",
          got: "missing")
      }
      statistics.append(memory.tensor(of: arena))
    }
    let request = arena.structure(
      ap_projection(
        struct_size: UInt32(MemoryLayout<ap_projection>.size), family: arena.text(projection.family),
        layer: Int64(projection.layer), name: arena.text(projection.name),
        weight: projection.weight.tensor(of: arena),
        bias: projection.bias.map { UnsafePointer(arena.array($0)) },
        kept_count: Int64(projection.kept.count),
        kept: UnsafePointer(arena.array(projection.kept.map(Int64.init))),
        statistics: UnsafePointer(arena.array(statistics))))
    var left: [Float] = []
    left.reserveCapacity(rows * projection.kept.count)
    for row in 0..<rows {
      for column in projection.kept { left.append(projection.weight.base[row * columns + column]) }
    }
    let hasBias = traits.contains(.addsBias) || projection.bias != nil
    let weight = arena.output(left, spare: Self.spare, named: "weight")
    let bias = arena.output(
      projection.bias ?? [Float](repeating: 0, count: rows), spare: Self.spare, named: "bias")
    let model = model.inMemory(of: arena)
    arena.seal()
    try instance.host.call("compensate") {
      table.compensate(instance.pointer, $0, model, request, weight.pointer, hasBias ? bias.pointer : nil)
    }
    for output in [weight, bias] where output.isOverrun {
      throw .outOfRange(
        plugin: instance.plugin.id, place: place, field: "the answer", expected: "\(output.count) elements",
        got: "more")
    }
    return CompensatedProjection(weight: weight.values, bias: hasBias ? bias.values : nil)
  }
}
