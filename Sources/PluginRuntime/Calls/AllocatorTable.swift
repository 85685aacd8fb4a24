import JSON
import PluginABI

/// `ap_allocator` in this process.
final class AllocatorTable: AllocatorCalls {
  let statistics: [String]
  let traits: Set<Trait>

  private let table: ap_allocator
  private let instance: PluginInstance

  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) {
    self.table = table.assumingMemoryBound(to: ap_allocator.self).pointee
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: self.table.create,
      destroy: self.table.destroy)
    statistics = try instance.statistics(self.table.statistics)
    traits = Set([.meetsGoal: self.table.meets_goal(instance.pointer)])
  }

  func allocate(_ model: ModelSummary, _ asked: AllocationRequest) throws(PluginError) -> [[Share]] {
    let arena = instance.host.arena()
    let request = try inMemory(asked, arena)
    // What is not written stays NaN and out of range.
    let blank = ap_share(
      struct_size: UInt32(MemoryLayout<ap_share>.size), sparsity: .nan, keep: Int64.min)
    let shares = asked.layers.map { layer in layer.families.map { _ in arena.outputStructure(blank) } }
    let list = arena.array(shares.joined().map(Optional.init))
    let model = model.inMemory(of: arena)
    arena.seal()
    try instance.host.call("allocate") { table.allocate(instance.pointer, $0, model, request, list) }
    return shares.map { row in
      row.map { Share(sparsity: $0.pointee.sparsity, keep: Int($0.pointee.keep)) }
    }
  }

  private func inMemory(
    _ asked: AllocationRequest, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_allocation> {
    var rows: [UnsafePointer<ap_layer>?] = []
    for (index, layer) in asked.layers.enumerated() {
      var numbers: [Double] = []
      for name in statistics {
        guard let number = layer.statistics[name] else {
          throw .outOfRange(
            plugin: instance.plugin.id, place: "layer \(index)", field: "statistic \"\(name)\"",
            expected: "handed in by the host", got: "missing")
        }
        numbers.append(number)
      }
      let families = layer.families.map { family in
        Optional(
          UnsafePointer(
            arena.structure(
              ap_family(
                struct_size: UInt32(MemoryLayout<ap_family>.size), name: arena.text(family.name),
                count: Int64(family.count), original_count: Int64(family.originalCount),
                positions: Int64(family.positions), cost: Int64(family.cost),
                minimum: Int64(family.minimum), previous_sparsity: family.previousSparsity,
                scores: UnsafePointer(arena.array(family.scores))))))
      }
      rows.append(
        UnsafePointer(
          arena.structure(
            ap_layer(
              struct_size: UInt32(MemoryLayout<ap_layer>.size), family_count: Int64(families.count),
              families: UnsafePointer(arena.array(families)),
              statistics: UnsafePointer(arena.array(numbers))))))
    }
    let budget = asked.budget
    let spent = arena.structure(
      ap_budget(
        struct_size: UInt32(MemoryLayout<ap_budget>.size), measure: arena.text(budget.measure),
        now: Int64(budget.now), original: Int64(budget.original), goal: Int64(budget.goal),
        iteration_goal: Int64(budget.iterationGoal), iteration: Int64(budget.iteration),
        iterations: Int64(budget.iterations)))
    return UnsafePointer(
      arena.structure(
        ap_allocation(
          struct_size: UInt32(MemoryLayout<ap_allocation>.size), budget: UnsafePointer(spent),
          layer_count: Int64(rows.count), layers: UnsafePointer(arena.array(rows)),
          scores_compare: asked.scoresCompare ? 1 : 0)))
  }
}
