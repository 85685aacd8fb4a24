import JSON
import PluginABI

/// One family of one layer, before this iteration's cut.
public struct FamilyRequest: Sendable {
  public var name: String
  public var count: Int
  public var originalCount: Int
  /// The head's dimension in attention, else 1.
  public var positions: Int
  /// What one unit costs, in the budget's measure.
  public var cost: Int
  /// Fewer may not stay; 0 where a unit is a whole sublayer or layer.
  public var minimum: Int
  /// What the allocator answered in the iteration before; 0 at first.
  public var previousSparsity: Double
  /// [count]
  public var scores: [Float]

  public init(
    name: String, count: Int, originalCount: Int, positions: Int = 1, cost: Int, minimum: Int = 1,
    previousSparsity: Double = 0, scores: [Float]
  ) {
    self.name = name
    self.count = count
    self.originalCount = originalCount
    self.positions = positions
    self.cost = cost
    self.minimum = minimum
    self.previousSparsity = previousSparsity
    self.scores = scores
  }
}

public struct LayerRequest: Sendable {
  public var families: [FamilyRequest]
  /// By name; more than the allocator asks for may be here.
  public var statistics: [String: Double]

  public init(families: [FamilyRequest], statistics: [String: Double] = [:]) {
    self.families = families
    self.statistics = statistics
  }
}

/// The budget, in the measure that the user gave the target in.
public struct BudgetRequest: Equatable, Sendable {
  /// "parameters" or "macs"
  public var measure: String
  public var now: Int
  public var original: Int
  /// Of the whole stage.
  public var goal: Int
  /// Of this iteration.
  public var iterationGoal: Int
  /// From 0.
  public var iteration: Int
  public var iterations: Int

  public init(
    measure: String, now: Int, original: Int, goal: Int, iterationGoal: Int, iteration: Int, iterations: Int
  ) {
    self.measure = measure
    self.now = now
    self.original = original
    self.goal = goal
    self.iterationGoal = iterationGoal
    self.iteration = iteration
    self.iterations = iterations
  }
}

/// What stays of one family of one layer.
public struct Share: Equatable, Sendable {
  /// The share of the original units meant to be gone, in [0, 1].
  public var sparsity: Double
  /// Units that stay.
  public var keep: Int

  public init(sparsity: Double, keep: Int) {
    self.sparsity = sparsity
    self.keep = keep
  }
}

/// An allocator with its options. One thread at a time.
public final class AllocatorInstance {
  public let plugin: LoadedPlugin
  /// Resolved.
  public var options: JSONValue { instance.options }
  /// What it needs with these options.
  public let statistics: [String]
  /// It ends an iteration on its goal as nearly as whole units allow; else it goes its own way, and the caller
  /// iterates until the goal is passed.
  public let meetsGoal: Bool

  private let table: ap_allocator
  private let instance: PluginInstance

  public init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    self.plugin = plugin
    table = try PluginInstance.table(of: plugin, kind: .allocator, as: ap_allocator.self)
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: table.create, destroy: table.destroy)
    statistics = try instance.statistics(table.statistics)
    meetsGoal = table.meets_goal(instance.pointer) != 0
  }

  /// Shares by layer and family, as in `layers`.
  public func allocate(
    model: ModelSummary, budget: BudgetRequest, layers: [LayerRequest]
  ) throws(PluginError) -> [[Share]] {
    let arena = Arena()
    let request = try inMemory(budget, layers, arena)
    // What is not written stays NaN and out of range.
    let blank = ap_share(
      struct_size: UInt32(MemoryLayout<ap_share>.size), sparsity: .nan, keep: Int64.min)
    let shares = layers.map { layer in layer.families.map { _ in arena.one(blank) } }
    let list = arena.array(shares.joined().map(Optional.init))
    let model = model.inMemory(of: arena)
    try instance.host.call("allocate") { table.allocate(instance.pointer, $0, model, request, list) }

    var after = budget.now
    var answer: [[Share]] = []
    for (index, layer) in layers.enumerated() {
      var row: [Share] = []
      for (family, share) in zip(layer.families, shares[index]) {
        let share = try checked(share.pointee, family, place: "layer \(index), \(family.name)")
        after -= (family.count - share.keep) * family.cost
        row.append(share)
      }
      answer.append(row)
    }
    if meetsGoal { try checkGoal(budget, after: after, layers) }
    return answer
  }

  private func checked(
    _ share: ap_share, _ family: FamilyRequest, place: String
  ) throws(PluginError) -> Share {
    guard share.sparsity >= 0, share.sparsity <= 1 else {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "sparsity", expected: "in 0 ... 1",
        got: share.sparsity.isNaN ? "NaN, or was not written" : "\(share.sparsity)")
    }
    let least = min(family.minimum, family.count)
    guard share.keep >= least, share.keep <= family.count else {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "keep", expected: "in \(least) ... \(family.count)",
        got: share.keep == .min ? "not written" : "\(share.keep)")
    }
    return Share(sparsity: share.sparsity, keep: Int(share.keep))
  }

  /// At most the goal, and within one unit of it; or nothing removed, where the goal is behind us.
  private func checkGoal(
    _ budget: BudgetRequest, after: Int, _ layers: [LayerRequest]
  ) throws(PluginError) {
    let tolerance = layers.flatMap(\.families).filter { $0.count > 0 }.map(\.cost).max() ?? 0
    if budget.now <= budget.iterationGoal, after == budget.now { return }
    if after > budget.iterationGoal || after <= budget.iterationGoal - max(tolerance, 1) {
      throw .goalMissed(
        plugin: plugin.id, goal: budget.iterationGoal, got: after, tolerance: tolerance)
    }
  }

  private func inMemory(
    _ budget: BudgetRequest, _ layers: [LayerRequest], _ arena: Arena
  ) throws(PluginError) -> UnsafePointer<ap_allocation> {
    var rows: [UnsafePointer<ap_layer>?] = []
    for (index, layer) in layers.enumerated() {
      var numbers: [Double] = []
      for name in statistics {
        guard let number = layer.statistics[name] else {
          throw .outOfRange(
            plugin: plugin.id, place: "layer \(index)", field: "statistic \"\(name)\"",
            expected: "handed in by the host", got: "missing")
        }
        numbers.append(number)
      }
      let families = layer.families.map { family in
        Optional(
          UnsafePointer(
            arena.one(
              ap_family(
                struct_size: UInt32(MemoryLayout<ap_family>.size), name: arena.text(family.name),
                count: Int64(family.count), original_count: Int64(family.originalCount),
                positions: Int64(family.positions), cost: Int64(family.cost),
                minimum: Int64(family.minimum), previous_sparsity: family.previousSparsity,
                scores: UnsafePointer(arena.array(family.scores))))))
      }
      rows.append(
        UnsafePointer(
          arena.one(
            ap_layer(
              struct_size: UInt32(MemoryLayout<ap_layer>.size), family_count: Int64(families.count),
              families: UnsafePointer(arena.array(families)),
              statistics: UnsafePointer(arena.array(numbers))))))
    }
    let spent = arena.one(
      ap_budget(
        struct_size: UInt32(MemoryLayout<ap_budget>.size), measure: arena.text(budget.measure),
        now: Int64(budget.now), original: Int64(budget.original), goal: Int64(budget.goal),
        iteration_goal: Int64(budget.iterationGoal), iteration: Int64(budget.iteration),
        iterations: Int64(budget.iterations)))
    return UnsafePointer(
      arena.one(
        ap_allocation(
          struct_size: UInt32(MemoryLayout<ap_allocation>.size), budget: UnsafePointer(spent),
          layer_count: Int64(rows.count), layers: UnsafePointer(arena.array(rows)))))
  }
}
