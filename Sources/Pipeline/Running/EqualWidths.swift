import Checkpoints
import PluginRuntime
import Transformer

/// The widths that `round_to` and `same_size` of a prune stage ask for: channels in multiples, or the same widths in all
/// layers. The host changes the allocator's answer, so that every allocator that meets goals can be used.
///
/// The rule holds after each iteration. The model is never larger than the goal. It is below the goal by less than the
/// smallest step that keeps the rule: the multiple in one layer, or in all.
package struct EqualWidths: Sendable, Equatable {
  /// The number of channels of every MLP is a multiple of this.
  package let roundTo: Int
  /// All layers have the same number of KV groups, and the same number of channels.
  package let sameSize: Bool

  package init(roundTo: Int, sameSize: Bool) {
    self.roundTo = roundTo
    self.sameSize = sameSize
  }

  package var isOff: Bool { roundTo == 1 && !sameSize }

  /// Why the rule can't hold in this model.
  package enum Failure: Error, Equatable, CustomStringConvertible {
    case tooFewChannels(layer: Int, count: Int, roundTo: Int)
    /// Two layers differ in something that the stage can't make equal.
    case unlike(layer: Int, other: Int, what: String)
    /// The largest model with equal layers is more than a step below the goal.
    case farBelow(size: Int, goal: Int)
    /// The smallest model that keeps the rule is above the goal.
    case outOfReach(size: Int, goal: Int)

    package var description: String {
      switch self {
      case .tooFewChannels(let layer, let count, let roundTo):
        "layer \(layer) has \(count) channels, fewer than round_to, \(roundTo); lower it"
      case .unlike(let layer, let other, let what):
        "same_size: layer \(layer) and layer \(other) do not both have \(what), and pruning cannot make them equal; "
          + "leave same_size out"
      case .farBelow(let size, let goal):
        "same_size: the smallest layer decides, and with all layers as small the model has \(size), far below the "
          + "target of \(goal); leave same_size out, or lower the target"
      case .outOfReach(let size, let goal):
        "with widths as round_to and same_size ask for, the model still has \(size) of a target of \(goal); lower "
          + "round_to"
      }
    }
  }

  /// The number of units of a family that must stay in each layer that has any.
  package func minimum(_ family: Family) -> Int { family.isWhole ? 0 : family == .mlp ? roundTo : 1 }

  /// Checks before the stage whether the rule can hold.
  /// - Parameters:
  ///   - families: the families that the stage prunes.
  ///   - spent: the model's size now, in `measure`.
  package func check(
    _ layers: [LayerSizes], families: [Family], measure: Target.Measure, spent: Int, goal: Int
  ) throws(Failure) {
    if isOff { return }
    let present = layers.indices.filter { !layers[$0].isEmpty }
    for layer in present where layers[layer].hasMLP && layers[layer].intermediate < roundTo {
      throw .tooFewChannels(layer: layer, count: layers[layer].intermediate, roundTo: roundTo)
    }
    guard sameSize, let first = present.first else { return }
    var traits: [(what: String, of: (LayerSizes) -> Int)] = [
      ("attention", { $0.hasAttention ? 1 : 0 }), ("an MLP", { $0.hasMLP ? 1 : 0 }),
      ("as many query heads a KV head", \.repeats), ("heads of the same size", \.headDimension),
    ]
    if !families.contains(.attention) {
      traits.append(("as many KV groups, which this stage does not prune", \.keyValueHeads))
    }
    if !families.contains(.mlp) {
      traits.append(("as many channels, which this stage does not prune", \.intermediate))
    }
    for layer in present {
      for trait in traits where trait.of(layers[layer]) != trait.of(layers[first]) {
        throw .unlike(layer: layer, other: first, what: trait.what)
      }
    }
    // If an earlier stage made layers unequal, all come down to the smallest.
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

  /// Returns shares that keep the rule.
  /// - Parameters:
  ///   - shares: the allocator's answer, [layers] by family.
  ///   - layers: the allocator's request.
  package func adjusted(
    _ shares: [[Share]], of layers: [LayerRequest], budget: BudgetRequest
  ) throws(Failure) -> [[Share]] {
    if isOff { return shares }
    var plan = WidthPlan(shares: shares, layers: layers, budget: budget)
    if sameSize { try plan.level(roundTo: roundTo) } else { try plan.round(to: roundTo) }
    return plan.shares
  }
}

/// An allocation, on its way to equal widths.
private struct WidthPlan {
  /// A family of a layer, by its indices.
  typealias Place = (layer: Int, family: Int)

  var shares: [[Share]]
  let layers: [LayerRequest]
  let budget: BudgetRequest

  /// The units that stay at a place.
  private subscript(place: Place) -> Int {
    get { shares[place.layer][place.family].keep }
    set { shares[place.layer][place.family].keep = newValue }
  }

  private var size: Int {
    var size = budget.now
    for (layer, row) in zip(layers, shares) {
      for (family, share) in zip(layer.families, row) { size -= (family.count - share.keep) * family.cost }
    }
    return size
  }

  /// The places where a family has units.
  private func places(_ family: Family) -> [Place] {
    layers.enumerated().flatMap { layer, request in
      request.families.enumerated().filter { $1.name == family.rawValue && $1.count > 0 }.map {
        (layer, $0.offset)
      }
    }
  }

  private func family(_ place: Place) -> FamilyRequest { layers[place.layer].families[place.family] }

  // MARK: - Multiples

  /// Rounds channels down to the multiple. Then gives channels back to the layers that lost most, while the goal allows.
  mutating func round(to multiple: Int) throws(EqualWidths.Failure) {
    let places = places(.mlp)
    let wanted = places.map { self[$0] }
    for place in places {
      self[place] = max(multiple, self[place] / multiple * multiple)
      guard self[place] <= family(place).count else {
        throw .tooFewChannels(layer: place.layer, count: family(place).count, roundTo: multiple)
      }
    }
    guard budget.now > budget.iterationGoal else { return }
    while true {
      let spare = budget.iterationGoal - size
      func lack(_ index: Int) -> Int { wanted[index] - self[places[index]] }
      let next = places.indices.filter {
        let family = family(places[$0])
        return self[places[$0]] + multiple <= family.count && multiple * family.cost <= spare
      }.max { (lack($0), -$0) < (lack($1), -$1) }
      guard let next else { break }
      self[places[next]] += multiple
    }
    if size > budget.iterationGoal { throw .outOfReach(size: size, goal: budget.iterationGoal) }
  }

  // MARK: - The same everywhere

  /// Takes the allocator's average number of KV groups, and as many channels as the goal allows. If channels alone can't
  /// come close to the goal, takes the nearest number of groups that can.
  mutating func level(roundTo multiple: Int) throws(EqualWidths.Failure) {
    let (attention, mlp) = (places(.attention), places(.mlp))
    func most(_ places: [Place]) -> Int { places.map { family($0).count }.min() ?? 0 }
    func cost(_ places: [Place]) -> Int { places.reduce(0) { $0 + family($1).cost } }
    let base = budget.now - (attention + mlp).reduce(0) { $0 + family($1).count * family($1).cost }
    let (groupCost, channelCost) = (cost(attention), cost(mlp))
    let goal = budget.iterationGoal
    let mean = Double(attention.reduce(0) { $0 + self[$1] }) / Double(max(1, attention.count))
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
    for place in attention { self[place] = best.groups }
    for place in mlp { self[place] = best.channels }
  }
}
