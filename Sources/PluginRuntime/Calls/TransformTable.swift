import JSON
import PluginABI

/// `ap_transform` in this process.
final class TransformTable: TransformCalls {
  let statistics: [String]
  let traits: Set<Trait>

  private let table: ap_transform
  private let instance: PluginInstance

  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) {
    self.table = table.assumingMemoryBound(to: ap_transform.self).pointee
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: self.table.create,
      destroy: self.table.destroy)
    statistics = try instance.statistics(self.table.statistics)
    traits = Set([
      .fixesWidths: self.table.fixes_widths(instance.pointer),
      .centersEmbeddings: self.table.centers_embeddings(instance.pointer),
      .normalisesTokens: self.table.normalises_tokens(instance.pointer),
    ])
  }

  func widths(_ model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    let arena = instance.host.arena()
    var places: [UnsafePointer<ap_place>?] = []
    for place in residual.places { places.append(try inMemory(place, residual.hidden, arena)) }
    let request = arena.structure(
      ap_residual(
        struct_size: UInt32(MemoryLayout<ap_residual>.size), measure: arena.text(residual.measure),
        hidden_size: Int64(residual.hidden), fixed: Int64(residual.fixed), original: Int64(residual.original),
        goal: Int64(residual.goal ?? -1), place_count: Int64(places.count), places: arena.array(places)))
    // What is not written stays out of range.
    let widths = arena.output(
      [Int64](repeating: .min, count: places.count), spare: .min, named: "widths")
    let model = model.inMemory(of: arena)
    arena.seal()
    try instance.host.call("widths") { table.widths(instance.pointer, $0, model, request, widths.pointer) }
    if widths.isOverrun {
      throw .outOfRange(
        plugin: instance.plugin.id, place: "the residual stream", field: "widths",
        expected: "\(places.count) numbers", got: "more")
    }
    return widths.values.map { Int($0) }
  }

  /// A NaN that no arithmetic makes.
  private static let spare = Double(bitPattern: 0x7ff8_dead_beef_ad0b)

  func orient(_ model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double] {
    let arena = instance.host.arena()
    let hidden = place.hidden
    let request = arena.structure(
      ap_gram(
        struct_size: UInt32(MemoryLayout<ap_gram>.size), place: try inMemory(place.place, hidden, arena),
        hidden_size: Int64(hidden), width: Int64(place.width), tokens: Int64(place.tokens),
        gram: arena.array(place.gram)))
    let count = hidden * hidden
    let basis = arena.output([Double](repeating: 0, count: count), spare: Self.spare, named: "basis")
    let model = model.inMemory(of: arena)
    arena.seal()
    try instance.host.call("orient") { table.orient(instance.pointer, $0, model, request, basis.pointer) }
    if basis.isOverrun {
      throw .outOfRange(
        plugin: instance.plugin.id, place: place.place.words, field: "the basis",
        expected: "\(count) elements", got: "more")
    }
    return basis.values
  }

  private func inMemory(
    _ place: PlaceRequest, _ hidden: Int, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_place> {
    var energies: UnsafePointer<Double>?
    if statistics.contains("residual_energies") {
      guard let values = place.energies, values.count == hidden else {
        throw .outOfRange(
          plugin: instance.plugin.id, place: place.words, field: "statistic \"residual_energies\"",
          expected: "handed in by the host", got: "missing")
      }
      energies = UnsafePointer(arena.array(values))
    }
    return UnsafePointer(
      arena.structure(
        ap_place(
          struct_size: UInt32(MemoryLayout<ap_place>.size), name: arena.text(place.name),
          layer: Int64(place.layer), cost: Int64(place.cost), energies: energies)))
  }
}
