/// An allocator's demand on one layer: the previous sparsity grows by `increment` per unit of time.
public struct Demand: Sendable {
  /// The layer's families, in the order of the allocation.
  public var families: [Family]
  /// A layer with a negative increment loses nothing for now. Layers never grow back.
  public var increment: Double

  public init(_ families: [Family], increment: Double) {
    self.families = families
    self.increment = increment
  }
}

extension Budget {
  /// Returns the shares of all layers, one after the other. They meet `iterationGoal` from below, within one unit of the
  /// cheapest family.
  ///
  /// Published rules move every family of every layer by one step and accept the resulting size. KV groups are few and
  /// costly. Many layers lose one in the same step, and the size overshoots. This function solves for the step: the time
  /// k ≥ 0 at which
  ///
  ///     s = clamp(previous + k · increment, 0, 0.99)
  ///
  /// of each layer's cost adds up to the goal. Within a layer, the units with the smallest score per cost leave first,
  /// from either family. A score counts what is lost with the unit, so scores of two families compare.
  ///
  /// A family whose sublayer was removed does not count. The layer's other family gets the same share as in a layer that
  /// has both.
  ///
  /// - Throws: if the goal cannot be reached with every family at its minimum.
  public func solve(_ demands: [Demand]) throws(PluginError) -> [Share] { try solver(demands).solve() }

  /// The same for scores that do not compare across families. Each family loses the layer's share of its own units, in
  /// whole units. Channels make up for what whole KV groups cannot give, evenly over layers (`EvenCut`).
  ///
  /// - Throws: if the goal cannot be reached with every family at its minimum.
  public func solveApart(_ demands: [Demand]) throws(PluginError) -> [Share] {
    try solver(demands).solveApart()
  }

  private func solver(_ demands: [Demand]) throws(PluginError) -> BudgetSolver {
    let solver = BudgetSolver(demands: demands, now: now, goal: iterationGoal)
    if now > iterationGoal, solver.smallest > iterationGoal {
      throw PluginError(
        "this iteration's goal of \(iterationGoal) \(measure) cannot be reached: with as few units as may stay "
          + "in every family, \(solver.smallest) remain",
        kind: .invalidOptions)
    }
    return solver
  }
}

/// The solver behind `Budget.solve` and `solveApart`. Its methods are pure functions of time.
struct BudgetSolver {
  private let layers: [LayerCut]
  private let now: Int
  private let goal: Int
  private let longest: Double

  init(demands: [Demand], now: Int, goal: Int) {
    self.now = now
    self.goal = goal
    layers = demands.map(LayerCut.init)
    // The time at which every growing layer is at `most`.
    longest = layers.reduce(0) { longest, layer in
      layer.increment > 0 ? max(longest, (Self.most - layer.previous) / layer.increment) : longest
    }
  }

  private static let most = 0.99

  /// The size with every family at its minimum.
  var smallest: Int { now - layers.reduce(0) { $0 + $1.removable } }

  func solve() -> [Share] {
    guard now > goal else { return layers.flatMap { $0.shares(sparsity: $0.previous, removed: $0.nothing) } }
    // The last time at which the goal is not met. At −1 nothing is removed.
    var (low, high) = (-1.0, 2.0)
    for _ in 0..<100 {
      let middle = low + (high - low) / 2
      if middle <= low || middle >= high { break }
      if excess(cuts(at: middle)) > 0 { low = middle } else { high = middle }
    }
    let sparsities = layers.map { sparsity($0, at: low) }
    var removed = cuts(at: low)
    finish(&removed, sparsities)
    return layers.indices.flatMap { layers[$0].shares(sparsity: sparsities[$0], removed: removed[$0]) }
  }

  func solveApart() -> [Share] {
    let layerOf = layers.indices.flatMap { layer in layers[layer].families.map { _ in layer } }
    let cut = EvenCut.removed(
      from: layers.flatMap(\.families), excess: now - goal, times: -1...2,
      share: { family, time in
        // Before time 0, the share goes only as far as earlier iterations asked.
        let layer = layers[layerOf[family]]
        return time < 0 ? (1 + time) * layer.previous : sparsity(layer, at: time)
      })
    var next = 0
    return layers.flatMap { layer in
      let removed = Array(cut.units[next..<next + layer.families.count])
      next += layer.families.count
      return layer.shares(sparsity: sparsity(layer, at: max(0, cut.time)), removed: removed)
    }
  }

  private func cuts(at time: Double) -> [[Int]] {
    layers.map { $0.cut(allowance: $0.allowance(at: sparsity($0, at: time)) * min(1, 1 + time)) }
  }

  /// Removes single units until the goal is met: the cheapest ones, from the layer that lags most behind its share.
  private func finish(_ removed: inout [[Int]], _ sparsities: [Double]) {
    while excess(removed) > 0 {
      var best: (layer: Int, family: Int, cost: Int, lag: Double)?
      for (index, layer) in layers.enumerated() {
        guard let family = layer.cheapest(after: removed[index]) else { continue }
        let cost = layer.families[family].cost
        let lag = layer.allowance(at: sparsities[index]) - Double(layer.cost(of: removed[index]))
        if let best, (best.cost, -best.lag) <= (cost, -lag) { continue }
        best = (index, family, cost, lag)
      }
      guard let best else { return }
      removed[best.layer][best.family] += 1
    }
  }

  /// The distance from the remaining size down to the goal.
  private func excess(_ removed: [[Int]]) -> Int {
    now - goal - zip(layers, removed).reduce(0) { $0 + $1.0.cost(of: $1.1) }
  }

  /// The sparsity of a layer at a time, in three stretches.
  ///
  /// From −1 to 0, the layers catch up with what earlier iterations asked for and did not get. That may be more than this
  /// one needs. From 0 to 1, k grows until every growing layer is at 0.99. From 1 to 2, all layers go on to nothing.
  private func sparsity(_ layer: LayerCut, at time: Double) -> Double {
    let reached = max(0, min(Self.most, layer.previous + max(0, min(time, 1)) * longest * layer.increment))
    return time <= 1 ? reached : reached + (time - 1) * (1 - reached)
  }
}

/// One layer's units, in the order in which they leave.
private struct LayerCut {
  let families: [Family]
  let increment: Double
  let previous: Double
  /// The scores per cost of each family's units, ascending.
  private let worth: [[Double]]
  /// The cost of the unpruned layer, in the budget's measure.
  private let original: Int
  /// The part of it that left in earlier iterations.
  private let gone: Int

  init(_ demand: Demand) {
    families = demand.families
    increment = demand.increment
    let present = demand.families.filter { $0.count > 0 }
    previous = present.map(\.previousSparsity).max() ?? 0
    worth = demand.families.map { family in
      family.scores.map { Double($0) / Double(max(1, family.cost)) }.sorted()
    }
    original = present.reduce(0) { $0 + $1.cost * $1.originalCount }
    gone = present.reduce(0) { $0 + $1.cost * ($1.originalCount - $1.count) }
  }

  var nothing: [Int] { families.map { _ in 0 } }
  var removable: Int { families.reduce(0) { $0 + $1.cost * max(0, $1.count - $1.minimum) } }

  func cost(of removed: [Int]) -> Int { zip(families, removed).reduce(0) { $0 + $1.0.cost * $1.1 } }

  /// The cost that may leave now, so that the layer has lost that share of its cost.
  func allowance(at sparsity: Double) -> Double { max(0, sparsity * Double(original) - Double(gone)) }

  /// The number of units to remove from each family: the least important first, up to the whole unit that comes nearest
  /// to the allowance. If the allowance is too small for a costly unit, the next iteration asks again.
  func cut(allowance: Double) -> [Int] {
    var left = allowance
    var removed = nothing
    while let next = leastImportant(after: removed), Double(families[next].cost) <= 2 * left {
      left -= Double(families[next].cost)
      removed[next] += 1
    }
    return removed
  }

  private func leastImportant(after removed: [Int]) -> Int? {
    var best: Int?
    for (index, family) in families.enumerated() where family.count - removed[index] > family.minimum {
      if let best, worth[best][removed[best]] <= worth[index][removed[index]] { continue }
      best = index
    }
    return best
  }

  /// The family with the cheapest units among those that may lose another.
  func cheapest(after removed: [Int]) -> Int? {
    families.indices.filter { families[$0].count - removed[$0] > families[$0].minimum }
      .min { families[$0].cost < families[$1].cost }
  }

  func shares(sparsity: Double, removed: [Int]) -> [Share] {
    zip(families, removed).map { Share(sparsity: sparsity, keep: $0.count - $1) }
  }
}
