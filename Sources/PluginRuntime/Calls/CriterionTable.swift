import PluginABI

/// `ap_criterion` in this process.
final class CriterionTable: FunctionTable<ap_criterion>, CriterionCalls {
  func score(_ model: ModelSummary, _ units: UnitsRequest) throws(PluginError) -> [Float] {
    let arena = host.arena()
    let request = try inMemory(units, arena)
    let blank = [Float](repeating: unwrittenFloat, count: units.original.count)
    let scores = arena.output(blank, spare: unwrittenFloat, named: "scores")
    try call("score", model, arena) { functions.score(pointer, $0, $1, request, scores.pointer) }
    if scores.isOverrun {
      throw .tooManyScores(plugin: plugin.id, place: units.place, expected: scores.count)
    }
    return scores.values
  }

  private func inMemory(
    _ units: UnitsRequest, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_units>? {
    if let statistic = statistics.first(where: { !units.has($0) }) {
      throw .outOfRange(
        plugin: plugin.id, place: units.place, field: "statistic \"\(statistic)\"",
        expected: "one that units of family \(units.family) have", got: "it does not")
    }
    func tensors(_ statistic: (Statistic) -> MatrixMemory?) -> UnsafePointer<ap_tensor> {
      UnsafePointer(arena.array(statistics.map { statistic($0)?.tensor(of: arena) ?? ap_tensor() }))
    }
    let matrices = units.matrices.map { matrix in
      arena.input(
        ap_matrix(
          struct_size: 0, axis: ap_axis(matrix.axis == .rows ? AP_ROWS : AP_COLUMNS),
          name: arena.text(matrix.name), repeats: Int64(matrix.repeats), positions: Int64(matrix.positions),
          weight: matrix.weight.tensor(of: arena), statistics: tensors { matrix.statistics[$0] }))
    }
    return arena.input(
      ap_units(
        struct_size: 0, family: arena.text(units.family), layer: Int64(units.layer),
        count: Int64(units.original.count), original: arena.array(units.original.map(Int64.init)),
        matrix_count: Int64(matrices.count), matrices: arena.array(matrices),
        statistics: tensors { statistic in
          units.statistics[statistic].map { MatrixMemory(arena.array($0), rows: 1, columns: $0.count) }
        }))
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
