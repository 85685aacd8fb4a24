import JSON
import PluginABI

/// `ap_transform` in this process.
final class TransformTable: TransformCalls {
  let statistics: [String]
  let fixesWidths: Bool
  let centersEmbeddings: Bool
  let normalisesTokens: Bool

  private let table: ap_transform
  private let instance: PluginInstance

  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    self.table = table.assumingMemoryBound(to: ap_transform.self).pointee
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: self.table.create,
      destroy: self.table.destroy)
    statistics = try instance.statistics(self.table.statistics)
    fixesWidths = self.table.fixes_widths(instance.pointer) != 0
    centersEmbeddings = self.table.centers_embeddings(instance.pointer) != 0
    normalisesTokens = self.table.normalises_tokens(instance.pointer) != 0
  }

  func widths(model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    let arena = Arena()
    var places: [UnsafePointer<ap_place>?] = []
    for place in residual.places { places.append(try inMemory(place, residual.hidden, arena)) }
    let request = arena.one(
      ap_residual(
        struct_size: UInt32(MemoryLayout<ap_residual>.size), measure: arena.text(residual.measure),
        hidden_size: Int64(residual.hidden), fixed: Int64(residual.fixed), original: Int64(residual.original),
        goal: Int64(residual.goal ?? -1), place_count: Int64(places.count), places: arena.array(places)))
    // What is not written stays out of range.
    let widths = arena.array([Int64](repeating: .min, count: places.count))
    let model = model.inMemory(of: arena)
    try instance.host.call("widths") { table.widths(instance.pointer, $0, model, request, widths) }
    return residual.places.indices.map { Int(widths[$0]) }
  }

  /// Written past the end by a plugin that counts wrong; then its answer is refused instead of a crash later.
  private static let guardCount = 16
  private static let guardValue = Double(bitPattern: 0x7ff8_dead_beef_ad0b)

  func orient(model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double] {
    let arena = Arena()
    let hidden = place.hidden
    let request = arena.one(
      ap_gram(
        struct_size: UInt32(MemoryLayout<ap_gram>.size), place: try inMemory(place.place, hidden, arena),
        hidden_size: Int64(hidden), width: Int64(place.width), tokens: Int64(place.tokens),
        gram: arena.array(place.gram)))
    let count = hidden * hidden
    let basis = arena.array(
      [Double](repeating: 0, count: count) + [Double](repeating: Self.guardValue, count: Self.guardCount))
    let model = model.inMemory(of: arena)
    try instance.host.call("orient") { table.orient(instance.pointer, $0, model, request, basis) }
    let all = UnsafeBufferPointer(start: basis, count: count + Self.guardCount)
    guard all[count...].allSatisfy({ $0.bitPattern == Self.guardValue.bitPattern }) else {
      throw .outOfRange(
        plugin: instance.plugin.id, place: place.place.words, field: "the basis",
        expected: "\(count) elements", got: "more")
    }
    return Array(all[..<count])
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
      arena.one(
        ap_place(
          struct_size: UInt32(MemoryLayout<ap_place>.size), name: arena.text(place.name),
          layer: Int64(place.layer), cost: Int64(place.cost), energies: energies)))
  }
}
