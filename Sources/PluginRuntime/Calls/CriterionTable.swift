import JSON
import PluginABI

/// `ap_criterion` in this process.
final class CriterionTable: CriterionCalls {
  let statistics: [String]
  let traits: Set<Trait>

  private let table: ap_criterion
  private let instance: PluginInstance

  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) {
    self.table = whole(table.assumingMemoryBound(to: ap_criterion.self), speaking: plugin.abi)
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: self.table.create,
      destroy: self.table.destroy)
    statistics = try instance.statistics(self.table.statistics)
    var scoresCompare = plugin.scoresCompare
    if let ask = self.table.scores_compare { scoresCompare = ask(instance.pointer) != 0 }
    traits = scoresCompare ? [.scoresCompare] : []
    if scoresCompare, !plugin.scoresCompare {
      throw .badDescriptor(
        library: plugin.library, plugin: plugin.id, field: "the answer of `scores_compare`",
        expected: "zero, as in the descriptor", got: "another number")
    }
  }

  func score(_ model: ModelSummary, _ units: UnitsRequest) throws(PluginError) -> [Float] {
    let arena = instance.host.arena()
    let request = try inMemory(units, arena)
    let model = model.inMemory(of: arena)
    let blank = [Float](repeating: unwrittenScore, count: units.original.count)
    let scores = arena.output(blank, spare: unwrittenScore, named: "scores")
    arena.seal()
    try instance.host.call("score") { table.score(instance.pointer, $0, model, request, scores.pointer) }
    if scores.isOverrun {
      throw .tooManyScores(plugin: instance.plugin.id, place: units.place, expected: scores.count)
    }
    return scores.values
  }

  private func inMemory(
    _ units: UnitsRequest, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_units> {
    for name in statistics {
      guard units.statistics[name] != nil || units.matrices.contains(where: { $0.statistics[name] != nil })
      else {
        throw .outOfRange(
          plugin: instance.plugin.id, place: units.place,
          field: "statistic \"\(name)\"",
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
          arena.structure(
            ap_matrix(
              struct_size: UInt32(MemoryLayout<ap_matrix>.size),
              axis: ap_axis(matrix.axis == .rows ? AP_ROWS : AP_COLUMNS), name: arena.text(matrix.name),
              repeats: Int64(matrix.repeats), positions: Int64(matrix.positions),
              weight: matrix.weight.tensor(of: arena), statistics: tensors { matrix.statistics[$0] }))))
    }
    return UnsafePointer(
      arena.structure(
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
