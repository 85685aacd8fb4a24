import PluginABI

/// `ap_compensator` in this process.
final class CompensatorTable: FunctionTable<ap_compensator>, CompensatorCalls {
  func compensate(
    _ model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection {
    let arena = host.arena()
    let place = "layer \(projection.layer), \(projection.name)"
    let (rows, columns) = (projection.weight.rows, projection.weight.columns)
    var statistics: [ap_tensor] = []
    for statistic in self.statistics {
      guard let memory = projection.statistics[statistic] else { throw missing(statistic, at: place) }
      statistics.append(memory.tensor(of: arena))
    }
    let request = arena.input(
      ap_projection(
        struct_size: 0, family: arena.text(projection.family), layer: Int64(projection.layer),
        name: arena.text(projection.name), weight: projection.weight.tensor(of: arena),
        bias: projection.bias.map { UnsafePointer(arena.array($0)) },
        kept_count: Int64(projection.kept.count), kept: arena.array(projection.kept.map(Int64.init)),
        statistics: arena.array(statistics)))
    var left: [Float] = []
    left.reserveCapacity(rows * projection.kept.count)
    for row in 0..<rows {
      for column in projection.kept { left.append(projection.weight.base[row * columns + column]) }
    }
    let hasBias = traits.contains(.addsBias) || projection.bias != nil
    let weight = arena.output(left, spare: unwrittenFloat, named: "weight")
    let bias = arena.output(
      projection.bias ?? [Float](repeating: 0, count: rows), spare: unwrittenFloat, named: "bias")
    try call("compensate", model, arena) {
      functions.compensate(pointer, $0, $1, request, weight.pointer, hasBias ? bias.pointer : nil)
    }
    return CompensatedProjection(
      weight: try values(of: weight, "the answer", at: place),
      bias: hasBias ? try values(of: bias, "the answer", at: place) : nil)
  }
}
