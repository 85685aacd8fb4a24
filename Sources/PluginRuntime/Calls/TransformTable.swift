import PluginABI

/// `ap_transform` in this process.
final class TransformTable: FunctionTable<ap_transform>, TransformCalls {
  func widths(_ model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    let arena = host.arena()
    var places: [UnsafePointer<ap_place>?] = []
    for place in residual.places { places.append(try inMemory(place, residual.hidden, arena)) }
    let request = arena.input(
      ap_residual(
        struct_size: 0, measure: arena.text(residual.measure), hidden_size: Int64(residual.hidden),
        fixed: Int64(residual.fixed), original: Int64(residual.original), goal: Int64(residual.goal ?? -1),
        place_count: Int64(places.count), places: arena.array(places)))
    // A width that the plugin does not write stays out of range.
    let widths = arena.output(
      [Int64](repeating: .min, count: places.count), spare: .min, named: "widths")
    try call("widths", model, arena) { functions.widths(pointer, $0, $1, request, widths.pointer) }
    return try values(of: widths, "widths", at: "the residual stream", counting: "numbers").map { Int($0) }
  }

  func orient(_ model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double] {
    let (arena, hidden) = (host.arena(), place.hidden)
    let request = arena.input(
      ap_gram(
        struct_size: 0, place: try inMemory(place.place, hidden, arena), hidden_size: Int64(hidden),
        width: Int64(place.width), tokens: Int64(place.tokens), gram: arena.array(place.gram)))
    let count = hidden * hidden
    let basis = arena.output([Double](repeating: 0, count: count), spare: unwrittenDouble, named: "basis")
    try call("orient", model, arena) { functions.orient(pointer, $0, $1, request, basis.pointer) }
    return try values(of: basis, "the basis", at: place.place.words)
  }

  private func inMemory(
    _ place: PlaceRequest, _ hidden: Int, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_place>? {
    var energies: UnsafePointer<Double>?
    if statistics.contains(.residualEnergies) {
      guard let values = place.energies, values.count == hidden else {
        throw missing(.residualEnergies, at: place.words)
      }
      energies = UnsafePointer(arena.array(values))
    }
    return arena.input(
      ap_place(
        struct_size: 0, name: arena.text(place.name), layer: Int64(place.layer), cost: Int64(place.cost),
        energies: energies))
  }
}
