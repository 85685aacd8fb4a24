import PluginABI

/// `ap_allocator` in this process.
final class AllocatorTable: FunctionTable<ap_allocator>, AllocatorCalls {
  func allocate(_ model: ModelSummary, _ asked: AllocationRequest) throws(PluginError) -> [[Share]] {
    let arena = host.arena()
    let request = try inMemory(asked, arena)
    // A share that the plugin does not write stays out of range.
    let blank = ap_share(struct_size: 0, sparsity: .nan, keep: .min)
    let shares = asked.layers.map { layer in layer.families.map { _ in arena.outputStructure(blank) } }
    let list = arena.array(shares.joined().map(Optional.init))
    try call("allocate", model, arena) { functions.allocate(pointer, $0, $1, request, list) }
    return shares.map { row in
      row.map { Share(sparsity: $0.pointee.sparsity, keep: Int($0.pointee.keep)) }
    }
  }

  private func inMemory(
    _ asked: AllocationRequest, _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_allocation>? {
    var rows: [UnsafePointer<ap_layer>?] = []
    for (index, layer) in asked.layers.enumerated() {
      var numbers: [Double] = []
      for statistic in statistics {
        guard let number = layer.statistics[statistic] else { throw missing(statistic, at: "layer \(index)") }
        numbers.append(number)
      }
      let families = layer.families.map { family in
        arena.input(
          ap_family(
            struct_size: 0, name: arena.text(family.name), count: Int64(family.count),
            original_count: Int64(family.originalCount), positions: Int64(family.positions),
            cost: Int64(family.cost), minimum: Int64(family.minimum),
            previous_sparsity: family.previousSparsity, scores: arena.array(family.scores)))
      }
      rows.append(
        arena.input(
          ap_layer(
            struct_size: 0, family_count: Int64(families.count), families: arena.array(families),
            statistics: arena.array(numbers))))
    }
    let budget = asked.budget
    let spent = arena.input(
      ap_budget(
        struct_size: 0, measure: arena.text(budget.measure), now: Int64(budget.now),
        original: Int64(budget.original), goal: Int64(budget.goal),
        iteration_goal: Int64(budget.iterationGoal), iteration: Int64(budget.iteration),
        iterations: Int64(budget.iterations)))
    return arena.input(
      ap_allocation(
        struct_size: 0, budget: spent, layer_count: Int64(rows.count), layers: arena.array(rows),
        scores_compare: asked.scoresCompare ? 1 : 0))
  }
}
