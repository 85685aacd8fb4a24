import Checkpoints
import PluginRuntime
import Transformer

/// What `round_to` and `same_size` of a prune stage ask for: every layer has a multiple of so many channels, or the same
/// widths as all others. The host changes what the allocator answers, so that any allocator will do that ends on its goal.
///
/// The rule holds after each iteration, so that the next one can keep it. The model is never larger than the goal, and below
/// it by less than the smallest step that keeps the rule: the multiple in one layer, or in all.
package struct EqualWidths: Sendable, Equatable {
  /// Channels of every MLP are a multiple of this.
  package let roundTo: Int
  /// All layers have the same number of KV groups, and of channels.
  package let sameSize: Bool

  package init(roundTo: Int, sameSize: Bool) {
    self.roundTo = roundTo
    self.sameSize = sameSize
  }

  package var isOff: Bool { roundTo == 1 && !sameSize }

  /// Why the rule cannot hold in this model.
  package enum Failure: Error, Equatable {
    /// A layer has fewer channels than the multiple.
    case tooFewChannels(layer: Int, count: Int, roundTo: Int)
    /// Layers differ in what the stage cannot make equal.
    case unlike(layer: Int, other: Int, what: String)
    /// The largest model with equal layers is further below the goal than one step.
    case farBelow(size: Int, goal: Int)
    /// The smallest model that keeps the rule is above the goal.
    case outOfReach(size: Int, goal: Int)
  }

  /// How many units of a family must stay in each layer that has any.
  package func minimum(_ family: Family) -> Int { family.isWhole ? 0 : family == .mlp ? roundTo : 1 }

  /// Whether a stage can keep the rule, before it begins.
  /// - Parameters:
  ///   - families: those that the stage prunes.
  ///   - spent: what the model comes to now, in `measure`.
  package func check(
    _ layers: [LayerSizes], families: [Family], measure: Target.Measure, spent: Int, goal: Int
  ) throws(Failure) {
    if isOff { return }
    let present = layers.indices.filter { !layers[$0].isEmpty }
    for layer in present where layers[layer].hasMLP && layers[layer].intermediate < roundTo {
      throw .tooFewChannels(layer: layer, count: layers[layer].intermediate, roundTo: roundTo)
    }
    guard sameSize, let first = present.first else { return }
    for layer in present {
      let traits: [(what: String, differs: Bool)] = [
        ("attention", layers[layer].hasAttention != layers[first].hasAttention),
        ("an MLP", layers[layer].hasMLP != layers[first].hasMLP),
        ("as many query heads a KV head", layers[layer].repeats != layers[first].repeats),
        ("heads of the same size", layers[layer].headDimension != layers[first].headDimension),
        (
          "as many KV groups, which this stage does not prune",
          !families.contains(.attention) && layers[layer].keyValueHeads != layers[first].keyValueHeads
        ),
        (
          "as many channels, which this stage does not prune",
          !families.contains(.mlp) && layers[layer].intermediate != layers[first].intermediate
        ),
      ]
      if let trait = traits.first(where: \.differs) {
        throw .unlike(layer: layer, other: first, what: trait.what)
      }
    }
    // Layers that an earlier stage made unequal come down to the smallest.
    var (largest, step) = (spent, 0)
    for family in families {
      let fewest = present.map { layers[$0].count(of: family) }.min() ?? 0
      let multiple = minimum(family)
      for layer in present {
        let cost = layers[layer].cost(of: family, in: measure)
        largest -= (layers[layer].count(of: family) - fewest / multiple * multiple) * cost
        if family == families.last { step += multiple * cost }
      }
    }
    if largest <= goal - step { throw .farBelow(size: largest, goal: goal) }
  }

  /// Shares that keep the rule.
  /// - Parameters:
  ///   - shares: the allocator's, [layers] by family.
  ///   - layers: what the allocator was asked about.
  package func adjusted(
    _ shares: [[Share]], of layers: [LayerRequest], budget: BudgetRequest
  ) throws(Failure) -> [[Share]] {
    if isOff { return shares }
    var plan = WidthPlan(shares: shares, layers: layers, budget: budget)
    if sameSize { try plan.level(roundTo: roundTo) } else { try plan.round(to: roundTo) }
    return plan.shares
  }
}

extension EqualWidths.Failure: CustomStringConvertible {
  package var description: String {
    switch self {
    case .tooFewChannels(let layer, let count, let roundTo):
      "layer \(layer) has \(count) channels, fewer than round_to, \(roundTo); lower it"
    case .unlike(let layer, let other, let what):
      "same_size: layer \(layer) and layer \(other) do not both have \(what), and pruning cannot make them equal; leave "
        + "same_size out"
    case .farBelow(let size, let goal):
      "same_size: the smallest layer decides, and with all layers as small the model has \(size), far below the target of "
        + "\(goal); leave same_size out, or lower the target"
    case .outOfReach(let size, let goal):
      "with widths as round_to and same_size ask for, the model still has \(size) of a target of \(goal); lower round_to"
    }
  }
}

/// An allocation on its way to equal widths.
private struct WidthPlan {
  var shares: [[Share]]
  let layers: [LayerRequest]
  let budget: BudgetRequest

  private var size: Int {
    var size = budget.now
    for (layer, row) in zip(layers, shares) {
      for (family, share) in zip(layer.families, row) { size -= (family.count - share.keep) * family.cost }
    }
    return size
  }

  /// Places of a family that has units: layer, and place among its families.
  private func places(_ name: String) -> [(layer: Int, family: Int)] {
    layers.indices.flatMap { layer in
      layers[layer].families.indices.compactMap { place in
        let family = layers[layer].families[place]
        return family.name == name && family.count > 0 ? (layer, place) : nil
      }
    }
  }

  private func family(_ place: (layer: Int, family: Int)) -> FamilyRequest {
    layers[place.layer].families[place.family]
  }

  // MARK: - Multiples

  /// Down to the multiple, and up again where most was lost, as far as the goal allows.
  mutating func round(to multiple: Int) throws(EqualWidths.Failure) {
    let places = places(Family.mlp.rawValue)
    let wanted = places.map { shares[$0.layer][$0.family].keep }
    for (place, wanted) in zip(places, wanted) {
      let rounded = max(multiple, wanted / multiple * multiple)
      guard rounded <= family(place).count else {
        throw .tooFewChannels(layer: place.layer, count: family(place).count, roundTo: multiple)
      }
      shares[place.layer][place.family].keep = rounded
    }
    guard budget.now > budget.iterationGoal else { return }
    while true {
      let spare = budget.iterationGoal - size
      func lack(_ index: Int) -> Int {
        wanted[index] - shares[places[index].layer][places[index].family].keep
      }
      let next = places.indices.filter {
        let family = family(places[$0])
        let keep = shares[places[$0].layer][places[$0].family].keep
        return keep + multiple <= family.count && multiple * family.cost <= spare
      }.max { (lack($0), -$0) < (lack($1), -$1) }
      guard let next else { break }
      shares[places[next].layer][places[next].family].keep += multiple
    }
    if size > budget.iterationGoal { throw .outOfReach(size: size, goal: budget.iterationGoal) }
  }

  // MARK: - The same everywhere

  /// KV groups as many as the allocator left on average, then as many channels as the goal allows. If channels alone
  /// cannot come near the goal another number of groups is taken, the nearest.
  mutating func level(roundTo multiple: Int) throws(EqualWidths.Failure) {
    let (attention, mlp) = (places(Family.attention.rawValue), places(Family.mlp.rawValue))
    func most(_ places: [(layer: Int, family: Int)]) -> Int { places.map { family($0).count }.min() ?? 0 }
    func cost(_ places: [(layer: Int, family: Int)]) -> Int { places.reduce(0) { $0 + family($1).cost } }
    let base = budget.now - (attention + mlp).reduce(0) { $0 + family($1).count * family($1).cost }
    let (groupCost, channelCost) = (cost(attention), cost(mlp))
    let goal = budget.iterationGoal
    let mean =
      Double(attention.reduce(0) { $0 + shares[$1.layer][$1.family].keep }) / Double(max(1, attention.count))
    let groups = attention.isEmpty ? [0] : Array(1...max(1, most(attention)))
    var best: (groups: Int, channels: Int, size: Int)?
    for count in groups.sorted(by: { (abs(Double($0) - mean), -$0) < (abs(Double($1) - mean), -$1) }) {
      let left = goal - base - count * groupCost
      var channels = 0
      if !mlp.isEmpty {
        let room = channelCost > 0 && left > 0 ? left / channelCost : 0
        channels = min(most(mlp), room) / multiple * multiple
        if channels < multiple { continue }
      } else if left < 0 {
        continue
      }
      let size = base + count * groupCost + channels * channelCost
      if best == nil || size > best?.size ?? 0 { best = (count, channels, size) }
      let step = mlp.isEmpty ? groupCost : multiple * channelCost
      if goal - size < step { break }
    }
    guard let best else {
      let least = base + (attention.isEmpty ? 0 : groupCost) + (mlp.isEmpty ? 0 : multiple * channelCost)
      throw .outOfReach(size: least, goal: goal)
    }
    for place in attention { shares[place.layer][place.family].keep = best.groups }
    for place in mlp { shares[place.layer][place.family].keep = best.channels }
  }
}
