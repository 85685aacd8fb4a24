import PluginKit

/// All units of all layers in one ranking, by score for what a unit costs: the lowest leave until the goal is met.
///
///     worth(unit) = score / cost        (or the score alone)
///
/// Each family of each layer keeps at least ⌈floor · its original units⌉. Global magnitude pruning with such a floor
/// (Global MP, Gupta et al., arXiv:2209.14624) beats more elaborate allocations when it prunes single weights; the
/// same idea serves whole units.
struct Global: Allocator {
  enum Worth: String, Decodable, CaseIterable {
    case perCost = "score_per_cost"
    case score
  }

  struct Options: Decodable {
    var worth: Worth
    var floor: Double
    var protectFirst: Int
    var protectLast: Int
  }

  static let about = About(
    id: "adapt-pruner.global", summary: "Ranks all units of all layers together; the lowest leave.",
    paper: "Gupta et al., Is Complexity Required for Neural Network Pruning? (2022), arXiv:2209.14624",
    options: [
      .choice(
        "worth", default: Worth.perCost, "what units are ranked by: score for each parameter or MAC, or score"
      ),
      .number("floor", default: 0, minimum: 0, "share of a layer's original units that stays at least"),
      .integer("protect_first", default: 0, minimum: 0, "layers at the start that lose nothing"),
      .integer("protect_last", default: 0, minimum: 0, "layers at the end that lose nothing"),
    ])

  let options: Options
  var meetsGoal: Bool { true }

  init(options: Options) throws {
    guard options.floor <= 1 else {
      throw PluginError("floor is \(options.floor), a share is at most 1", kind: .invalidOptions)
    }
    self.options = options
  }

  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share] {
    allocation.warnOfRanking(host)
    let families = allocation.layers.enumerated().flatMap { index, layer in
      layer.families.map {
        Candidates($0, keep: least(of: $0, layer: index, of: allocation.layers.count), self)
      }
    }
    var ranking: [(worth: Double, family: Int)] = []
    for (index, family) in families.enumerated() { ranking += family.worths.map { ($0, index) } }
    ranking.sort { ($0.worth, $0.family) < ($1.worth, $1.family) }
    let excess = allocation.budget.now - allocation.budget.iterationGoal
    var removed = [Int](repeating: 0, count: families.count)
    var freed = 0
    var taken = 0
    while freed < excess, taken < ranking.count {
      let family = ranking[taken].family
      removed[family] += 1
      freed += families[family].cost
      taken += 1
    }
    guard freed >= excess else {
      throw PluginError(
        "the layers that may lose units can free \(freed) of the \(excess) that must go; lower floor, or protect less"
      )
    }
    // The last unit may have been large: smaller ones that left just before it come back as far as the goal allows.
    for (_, family) in ranking[..<taken].reversed() where freed - families[family].cost >= excess {
      removed[family] -= 1
      freed -= families[family].cost
    }
    return zip(families, removed).map { $0.share(without: $1) }
  }

  private func least(of family: Family, layer: Int, of layers: Int) -> Int {
    if layer < options.protectFirst || layer >= layers - options.protectLast { return family.count }
    let floor = Int((options.floor * Double(family.originalCount)).rounded(.up))
    return min(family.count, max(family.minimum, floor))
  }
}

/// The units of one family of one layer that may leave.
private struct Candidates {
  let family: Family
  let cost: Int
  /// Ascending: units leave in this order.
  let worths: [Double]

  init(_ family: Family, keep least: Int, _ method: Global) {
    self.family = family
    cost = family.cost
    worths = family.scores.map {
      method.options.worth == .score ? Double($0) : Double($0) / Double(max(1, family.cost))
    }.sorted().dropLast(least)
  }

  func share(without removed: Int) -> Share {
    let keep = family.count - removed
    return Share(sparsity: 1 - Double(keep) / Double(max(1, family.originalCount)), keep: keep)
  }
}

private let library = Library([.allocator(Global.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
