import Checkpoints
import Transformer

/// How much smaller prune stages can make a model: what units of these families cost, but for those that have to stay.
struct Reach {
  let layers: [LayerSizes]
  /// Of one stage, or of several together.
  let families: Set<Family>
  let measure: Target.Measure

  /// Units that must stay of each layer that has any.
  var minimum: (Family) -> Int = { $0.isWhole ? 0 : 1 }

  /// At most this can leave.
  var removable: Int {
    layers.reduce(0) { sum, sizes in
      sum + Family.widths.reduce(0) { $0 + removable(of: $1, in: sizes) }
    } - lastSublayer
  }

  /// What the dearest unit costs.
  var dearest: Int {
    layers.flatMap { sizes in
      families.filter { sizes.count(of: $0) > 0 }.map { sizes.cost(of: $0, in: measure) }
    }
    .max() ?? 0
  }

  private func goesWhole(_ width: Family) -> Bool {
    families.contains { $0.isWhole && $0.widths.contains(width) }
  }

  private func removable(of width: Family, in sizes: LayerSizes) -> Int {
    guard sizes.count(of: width) > 0 else { return 0 }
    if goesWhole(width) {
      return sizes.cost(of: width == .attention ? .attentionBlock : .mlpBlock, in: measure)
    }
    guard families.contains(width) else { return 0 }
    return (sizes.count(of: width) - min(sizes.count(of: width), minimum(width)))
      * sizes.cost(of: width, in: measure)
  }

  /// Of a model all of whose sublayers may go, the cheapest of those that one unit takes away stays.
  private var lastSublayer: Int {
    let present = layers.flatMap { sizes in Family.widths.filter { sizes.count(of: $0) > 0 } }
    guard !present.isEmpty, present.allSatisfy(goesWhole) else { return 0 }
    return layers.flatMap { sizes in
      families.filter { $0.isWhole && sizes.count(of: $0) > 0 }.map { sizes.cost(of: $0, in: measure) }
    }.min() ?? 0
  }
}
