import PluginKit

/// Which units FLAP compares with which (section 3.3; `--structure` of its code): U: each layer loses the same share, A: all
/// layers are ranked together; L is the layer; the second pair says the same of MLP and attention: M, they are pruned apart,
/// with `remove_heads` heads in all, or A, U, together.
///
///     UL-UM  each family of each layer loses the share                    AL-AM  one ranking of all units
///     UL-MM  remove_heads / layers heads a layer, channels for the rest   AL-MM  one ranking each of heads and channels
struct FLAPStructure: Allocator {
  enum Structure: String, Decodable, CaseIterable {
    case alAM = "AL-AM"
    case alMM = "AL-MM"
    case ulUM = "UL-UM"
    case ulMM = "UL-MM"
  }
  enum Aim: String, Decodable, CaseIterable { case exact, published }

  struct Options: Decodable {
    var structure: Structure
    var budget: Aim
    var pruningRatio: Double
    var removeHeads: Int
  }

  static let about = About(
    id: "adapt-pruner.flap-structure", summary: "FLAP's global, layer-wise and separate rankings.",
    paper: "An et al., FLAP (2023), arXiv:2312.11983",
    options: [
      .choice("structure", default: Structure.alAM, "who is ranked with whom"),
      .choice("budget", default: Aim.exact, "exact: end on the goal; published: pruning_ratio, in one step"),
      .number(
        "pruning_ratio", default: 0.2, minimum: 0, maximum: 1, "share of the layers' parameters, if published"
      ),
      .integer("remove_heads", default: 8, minimum: 0, "KV groups to remove in all, of AL-MM and UL-MM"),
    ])

  let options: Options
  var meetsGoal: Bool { options.budget == .exact }
}

extension FLAPStructure {
  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share] {
    let families = allocation.families
    if let other = families.first(where: { $0.name != "attention" && $0.name != "mlp" }) {
      throw PluginError("family \(other.name) is not FLAP's: attention and mlp are", kind: .unsupported)
    }
    // Standardised scores were made for this ranking.
    if options.structure == .alAM, !families.allSatisfy(\.isStandardised) { allocation.warnOfRanking(host) }
    let removed =
      options.budget == .exact
      ? try exact(families, allocation.budget) : try published(families, allocation.budget)
    return zip(families, removed).map { family, removed in
      let keep = min(family.count, max(family.minimum, family.count - removed))
      return Share(sparsity: 1 - Double(keep) / Double(family.originalCount), keep: keep)
    }
  }

  // MARK: - As published

  /// Units with a score up to the threshold (AL) or below it (UL) leave, once.
  private func published(_ families: [Family], _ budget: Budget) throws -> [Int] {
    guard budget.iteration == 0 else {
      throw PluginError(
        "the published budget is one step: pruning_ratio \(options.pruningRatio) is taken, and \(budget.now) "
          + "\(budget.measure) of a goal of \(budget.goal) are left; raise pruning_ratio, or the target",
        kind: .invalidOptions)
    }
    let (heads, channels) = split(families)
    let headsToRemove = headsToRemove(of: heads)
    func upTo(_ threshold: Float?, _ family: Family) -> Int {
      threshold.map { threshold in family.scores.count { $0 <= threshold } } ?? 0
    }
    switch options.structure {
    case .alAM:
      let threshold = jointThreshold(families)
      return families.map { upTo(threshold, $0) }
    case .alMM:
      let headThreshold = lowest(heads, headsToRemove)
      let channelThreshold = lowest(channels, channelsToRemove(families, heads: headsToRemove))
      return families.map { upTo($0.isAttention ? headThreshold : channelThreshold, $0) }
    case .ulUM:
      return families.map { below(sorted: Int(options.pruningRatio * Double($0.count)), $0) }
    case .ulMM:
      let headsEach = headsToRemove / max(1, heads.count)
      return families.enumerated().map { index, family in
        if family.isAttention { return below(sorted: headsEach, family) }
        // A layer's families stand side by side.
        let layer = [index > 0 && families[index - 1].isAttention ? families[index - 1] : nil, family]
          .compactMap(\.self)
        return below(sorted: channelsToRemove(layer, heads: headsEach), family)
      }
    }
  }

  private func split(_ families: [Family]) -> (heads: [Family], channels: [Family]) {
    (families.filter(\.isAttention), families.filter { !$0.isAttention })
  }

  /// No more than there are.
  private func headsToRemove(of heads: [Family]) -> Int {
    min(options.removeHeads, heads.reduce(0) { $0 + $1.originalCount })
  }

  /// Where, from the highest score down, the weight kept comes nearest to 1 − ratio of all; a head weighs its parameters
  /// over a channel's (512/3 in LLaMA-7B).
  private func jointThreshold(_ families: [Family]) -> Float? {
    let channelCost = Double(families.first { !$0.isAttention }?.cost ?? 1)
    let units = families.flatMap { family in
      family.scores.map { (score: $0, weight: Double(family.cost) / channelCost) }
    }.sorted { $0.score > $1.score }
    let goal = units.reduce(0) { $0 + $1.weight } * (1 - options.pruningRatio)
    var best: (distance: Double, score: Float)?
    var kept = 0.0
    for unit in units {
      kept += unit.weight
      let distance = abs(kept - goal)
      if distance < best?.distance ?? .infinity { best = (distance, unit.score) }
    }
    return best?.score
  }

  /// The score of the `count`-th lowest unit; nil if none is to leave.
  private func lowest(_ families: [Family], _ count: Int) -> Float? {
    let scores = families.flatMap(\.scores).sorted()
    return count > 0 && !scores.isEmpty ? scores[min(count, scores.count) - 1] : nil
  }

  /// How many units score below the one at place `index` from below.
  private func below(sorted index: Int, _ family: Family) -> Int {
    let scores = family.scores.sorted()
    guard index < scores.count else { return scores.count }
    return scores.count { $0 < scores[max(0, index)] }
  }

  /// `cal_remove_neuron`: what heads do not account for of the share of these families' parameters, in channels.
  private func channelsToRemove(_ families: [Family], heads: Int) -> Int {
    let parameters = families.reduce(0.0) { $0 + Double($1.cost) * Double($1.originalCount) }
    let headCost = families.first(where: \.isAttention)?.cost ?? 0
    let channelCost = families.first { !$0.isAttention }?.cost ?? 1
    let rest = options.pruningRatio * parameters - Double(headCost) * Double(heads)
    return max(0, Int(rest / Double(channelCost)))
  }

  // MARK: - To the goal

  private func exact(_ families: [Family], _ budget: Budget) throws -> [Int] {
    var cut = Cut(families, excess: budget.now - budget.iterationGoal)
    let (heads, channels) = (
      families.indices.filter { families[$0].isAttention },
      families.indices.filter { !families[$0].isAttention }
    )
    // Heads leave in step with the iterations.
    let headsGone = heads.reduce(0) { $0 + families[$1].originalCount - families[$1].count }
    let headsDue =
      headsToRemove(of: heads.map { families[$0] }) * (budget.iteration + 1) / max(1, budget.iterations)
    switch options.structure {
    case .alAM:
      cut.rank(Array(families.indices))
    case .alMM:
      cut.rank(heads, atMost: headsDue - headsGone)
      cut.rank(channels)
    case .ulUM:
      cut.evenly(Array(families.indices))
    case .ulMM:
      for index in heads {
        let gone = families[index].originalCount - families[index].count
        cut.remove(headsDue / max(1, heads.count) - gone, from: index)
      }
      cut.evenly(channels)
    }
    guard cut.freed >= cut.excess else {
      throw PluginError(
        "\(options.structure.rawValue) with remove_heads \(options.removeHeads) frees \(cut.freed) of the \(cut.excess) that must go; "
          + "raise remove_heads, or take another structure", kind: .invalidOptions)
    }
    cut.putBack()
    return cut.removed
  }
}

/// Units taken so far, on the way to what must go.
private struct Cut {
  let families: [Family]
  let excess: Int
  private(set) var removed: [Int]
  private(set) var freed = 0
  /// In the order in which units were taken, by their family.
  private var taken: [Int] = []

  init(_ families: [Family], excess: Int) {
    self.families = families
    self.excess = excess
    removed = families.map { _ in 0 }
  }

  private func removable(_ index: Int) -> Int {
    max(0, families[index].count - families[index].minimum - removed[index])
  }

  mutating func remove(_ count: Int, from index: Int) {
    for _ in 0..<max(0, min(count, removable(index))) {
      removed[index] += 1
      freed += families[index].cost
      taken.append(index)
    }
  }

  /// The lowest scores of these families leave until enough is gone, or `atMost` have left.
  mutating func rank(_ indices: [Int], atMost most: Int = .max) {
    var ranking: [(score: Float, index: Int)] = []
    for index in indices {
      ranking += families[index].scores.sorted().dropLast(families[index].minimum).map { ($0, index) }
    }
    ranking.sort { ($0.score, $0.index) < ($1.score, $1.index) }
    for unit in ranking.prefix(max(0, most)) {
      if most == .max, freed >= excess { return }
      remove(1, from: unit.index)
    }
  }

  /// Each of these families loses the same share of its original units.
  mutating func evenly(_ indices: [Int]) {
    let cut = EvenCut.removed(from: indices.map { families[$0] }, excess: excess - freed, times: 0...1) { $1 }
    for (index, count) in zip(indices, cut.units) { remove(count, from: index) }
  }

  /// What was taken last comes back as far as the rest is enough.
  mutating func putBack() {
    for index in taken.reversed() where freed - families[index].cost >= excess {
      removed[index] -= 1
      freed -= families[index].cost
    }
  }
}

extension Family {
  fileprivate var isAttention: Bool { name == "attention" }
  /// The scores' mean is 0, as `FLAPMetric` has it.
  fileprivate var isStandardised: Bool {
    let sum = scores.reduce(0.0) { $0 + Double($1) }
    return abs(sum) <= 1e-3 * scores.reduce(0.0) { $0 + Double(abs($1)) }
  }
}

private let library = Library([
  .criterion(FLAPMetric.self), .criterion(WandaSP.self), .criterion(MagnitudeSP.self),
  .allocator(FLAPStructure.self), .compensator(FLAPBias.self),
])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
