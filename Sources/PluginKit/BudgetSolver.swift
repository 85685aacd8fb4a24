/// What an allocator wants of one family: from the previous sparsity on, `increment` for each measure of time.
public struct Demand: Sendable {
  public var family: Family
  /// May be negative: such a family is asked to lose nothing for now. Families never grow back.
  public var increment: Double

  public init(_ family: Family, increment: Double) {
    self.family = family
    self.increment = increment
  }
}

extension Budget {
  /// Shares that meet `iterationGoal` from below, within one unit of the cheapest family.
  ///
  /// Published rules move every family by one step and take the size that comes of it; with few, costly KV
  /// groups many layers lose one in the same step, and the size overshoots. Here the step is what is solved
  /// for: the time k ≥ 0 at which
  ///
  ///     s = clamp(previous + k · increment, 0, 0.99)    and whole units by `publishedKeep`
  ///
  /// first cost no more than the goal. Where several costly units leave at that very k, only as many go as the
  /// goal has room for: first those that lag most behind their family's s, then those that matter least within
  /// their family. The next cheaper families are then solved for anew, down to single channels.
  ///
  /// - Throws: if the goal cannot be reached with every family at its minimum.
  public func solve(_ demands: [Demand]) throws(PluginError) -> [Share] {
    var solver = BudgetSolver(demands: demands, now: now, goal: iterationGoal)
    if now > iterationGoal, solver.smallest > iterationGoal {
      throw PluginError(
        "this iteration's goal of \(iterationGoal) \(measure) cannot be reached: with as few units as may stay "
          + "in every family, \(solver.smallest) remain",
        kind: .invalidOptions)
    }
    return solver.solve()
  }
}

/// The state of `Budget.solve`.
struct BudgetSolver {
  let demands: [Demand]
  let now: Int
  let goal: Int
  /// [demands.count]: settled so far.
  private var keep: [Int]
  private var sparsity: [Double]
  /// [demands.count][units]: each unit's share of its family's importance, smallest first.
  private let importances: [[Double]]

  init(demands: [Demand], now: Int, goal: Int) {
    self.demands = demands
    self.now = now
    self.goal = goal
    keep = demands.map(\.family.count)
    sparsity = demands.map(\.family.previousSparsity)
    importances = demands.map { demand in
      let scores = demand.family.scores.map(Double.init).sorted()
      let total = scores.reduce(0, +)
      return scores.map { total > 0 ? $0 / total : 0 }
    }
  }

  /// What remains with every family at its minimum.
  var smallest: Int {
    now - demands.reduce(0) { $0 + $1.family.cost * max(0, $1.family.count - $1.family.minimum) }
  }

  mutating func solve() -> [Share] {
    let costs = Set(demands.map(\.family.cost)).sorted(by: >)
    for cost in costs {
      let open = demands.indices.filter { demands[$0].family.cost <= cost }
      let (before, after, reached) = crossing(open)
      for index in open {
        keep[index] = before[index]
        if demands[index].family.cost == cost { sparsity[index] = reached[index] }
      }
      let candidates = open.filter { demands[$0].family.cost == cost }
      while let next = mostOverdue(candidates.filter { keep[$0] > after[$0] }),
        cost == costs.last ? excess > 0 : excess >= cost
      {
        keep[next] -= 1
      }
      // Cheaper families start anew from all their units.
      for index in open where demands[index].family.cost < cost { keep[index] = demands[index].family.count }
    }
    // Only where the cheap families are at their minimum: one costly unit more, and we are past the goal.
    for cost in costs.reversed() {
      let candidates = demands.indices.filter { demands[$0].family.cost == cost }
      while excess > 0, let next = mostOverdue(candidates.filter { keep[$0] > demands[$0].family.minimum }) {
        keep[next] -= 1
      }
    }
    return zip(sparsity, keep).map { Share(sparsity: $0, keep: $1) }
  }

  /// How far above the goal the settled units are.
  private var excess: Int { excess(of: keep) }

  private func excess(of keep: [Int]) -> Int {
    now - goal
      - demands.indices.reduce(0) { $0 + demands[$1].family.cost * (demands[$1].family.count - keep[$1]) }
  }

  // MARK: Where the goal is crossed

  /// The units of the `open` families just before and just after the goal is crossed, and the sparsities after.
  /// If it is not crossed at all, all is as far as it goes.
  private func crossing(_ open: [Int]) -> (before: [Int], after: [Int], sparsity: [Double]) {
    var counts = keep
    for index in open { counts[index] = demands[index].family.count }
    if excess(of: counts) <= 0 { return (counts, counts, sparsity) }

    func state(_ time: Double) -> (keep: [Int], sparsity: [Double]) {
      var state = (keep: counts, sparsity: sparsity)
      for index in open {
        state.sparsity[index] = target(demands[index], at: time, of: open)
        state.keep[index] = demands[index].family.keep(at: state.sparsity[index])
      }
      return state
    }
    // What earlier iterations had no room for goes first: the crossing may be at time 0 itself.
    let start = state(0)
    if excess(of: start.keep) <= 0 { return (counts, start.keep, start.sparsity) }
    var (low, high) = (0.0, 2.0)
    var (before, after) = (start, state(high))
    if excess(of: after.keep) > 0 { return (after.keep, after.keep, after.sparsity) }
    while true {
      let middle = low + (high - low) / 2
      if middle <= low || middle >= high { return (before.keep, after.keep, after.sparsity) }
      let between = state(middle)
      if excess(of: between.keep) > 0 {
        (low, before) = (middle, between)
      } else {
        (high, after) = (middle, between)
      }
    }
  }

  /// Time 0 ... 1 covers k = 0 ... the k at which every growing family is at 0.99. If that is not enough, time
  /// 1 ... 2 takes all families from there to nothing.
  private func target(_ demand: Demand, at time: Double, of open: [Int]) -> Double {
    let most = 0.99
    let previous = demand.family.previousSparsity
    let longest = open.reduce(0.0) { longest, index in
      let other = demands[index]
      return other.increment > 0
        ? max(longest, (most - other.family.previousSparsity) / other.increment) : longest
    }
    let reached = max(0, min(most, previous + min(time, 1) * longest * demand.increment))
    return time <= 1 ? reached : reached + (time - 1) * (1 - reached)
  }

  // MARK: Who goes first

  /// The family whose units lag most behind its sparsity; of equals the one whose next unit has the smallest
  /// share of the family's importance; of equals the first.
  private func mostOverdue(_ candidates: [Int]) -> Int? {
    var best: (index: Int, overdue: Double, importance: Double)?
    for index in candidates {
      let family = demands[index].family
      let overdue = Double(keep[index]) - Double(family.originalCount) * (1 - sparsity[index])
      if let best, overdue < best.overdue { continue }
      let next = importances[index].count - keep[index]
      let importance = importances[index].indices.contains(next) ? importances[index][next] : 0
      if let best, overdue == best.overdue, importance >= best.importance { continue }
      best = (index, overdue, importance)
    }
    return best?.index
  }
}
