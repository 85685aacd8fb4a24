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
  public var statistics: [Statistic: Double]

  public init(families: [FamilyRequest], statistics: [Statistic: Double] = [:]) {
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

/// What an allocator decides on.
public struct AllocationRequest {
  var budget: BudgetRequest
  var layers: [LayerRequest]
  /// The criterion says that its scores compare across families.
  var scoresCompare: Bool
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

/// An allocator with its options.
public final class AllocatorInstance: PluginInstance<any AllocatorCalls> {
  /// It ends an iteration on its goal or less than one unit below it; else it goes its own way, and the caller
  /// iterates until the goal is passed.
  public var meetsGoal: Bool { traits.contains(.meetsGoal) }

  /// Shares by layer and family, as in `layers`.
  /// - Parameter scoresCompare: whether the criterion says that its scores compare across families.
  public func allocate(
    model: ModelSummary, budget: BudgetRequest, layers: [LayerRequest], scoresCompare: Bool = true
  ) throws(PluginError) -> [[Share]] {
    let answer = try calls.allocate(
      model, AllocationRequest(budget: budget, layers: layers, scoresCompare: scoresCompare))
    var after = budget.now
    for (index, (layer, row)) in zip(layers, answer).enumerated() {
      for (family, share) in zip(layer.families, row) {
        let share = try checked(share, family, place: "layer \(index), \(family.name)")
        after -= (family.count - share.keep) * family.cost
      }
    }
    if meetsGoal { try checkGoal(budget, after: after, layers) }
    return answer
  }

  private func checked(
    _ share: Share, _ family: FamilyRequest, place: String
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
        got: share.keep == Int.min ? "not written" : "\(share.keep)")
    }
    return share
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
}
