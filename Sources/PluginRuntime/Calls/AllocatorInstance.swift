/// A family of one layer, before the cut of this iteration.
public struct FamilyRequest: Sendable {
  public var name: String
  public var count: Int
  public var originalCount: Int
  /// The dimension of a head in attention, else 1.
  public var positions: Int
  /// The cost of one unit, in the budget's measure.
  public var cost: Int
  /// The fewest units that may stay; 0 if a unit is a whole sublayer or layer.
  public var minimum: Int
  /// The allocator's answer in the iteration before; 0 at first.
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
  /// The statistics that the allocator asks for, and maybe others.
  public var statistics: [Statistic: Double]

  public init(families: [FamilyRequest], statistics: [Statistic: Double] = [:]) {
    self.families = families
    self.statistics = statistics
  }
}

/// The budget, in the measure of the user's target.
public struct BudgetRequest: Equatable, Sendable {
  /// "parameters" or "macs"
  public var measure: String
  public var now: Int
  public var original: Int
  /// The goal of the whole stage.
  public var goal: Int
  /// The goal of this iteration.
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

/// The budget and the layers for which an allocator decides.
public struct AllocationRequest {
  var budget: BudgetRequest
  var layers: [LayerRequest]
  /// Whether the criterion says that its scores compare across families.
  var scoresCompare: Bool
}

/// The units that stay of a family of one layer.
public struct Share: Equatable, Sendable {
  /// The share of the original units that should be gone, in [0, 1].
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
  /// Whether each iteration ends on its goal, or less than one unit below. If not, the caller iterates until the goal
  /// is passed.
  public var meetsGoal: Bool { traits.contains(.meetsGoal) }

  /// Returns a share for each layer and family, in the order of `layers`.
  /// - Parameter scoresCompare: as in `AllocationRequest`.
  public func allocate(
    model: ModelSummary, budget: BudgetRequest, layers: [LayerRequest], scoresCompare: Bool = true
  ) throws(PluginError) -> [[Share]] {
    try allocate(
      model: model, AllocationRequest(budget: budget, layers: layers, scoresCompare: scoresCompare))
  }

  func allocate(model: ModelSummary, _ request: AllocationRequest) throws(PluginError) -> [[Share]] {
    let answer = try calls.allocate(model, request)
    let budget = request.budget
    var after = budget.now
    for (index, (layer, row)) in zip(request.layers, answer).enumerated() {
      for (family, share) in zip(layer.families, row) {
        try check(share, family, place: "layer \(index), \(family.name)")
        after -= (family.count - share.keep) * family.cost
      }
    }
    if meetsGoal { try checkGoal(budget, after: after, request.layers) }
    return answer
  }

  private func check(_ share: Share, _ family: FamilyRequest, place: String) throws(PluginError) {
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
  }

  /// Checks that the size is at most the goal, and within one unit of it. If the goal is passed already, nothing need
  /// be removed.
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
