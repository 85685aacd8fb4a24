import Checkpoints
import Transformer

/// How much smaller prune stages can make a model: the cost of all units that may go.
struct Reach {
  let layers: [LayerSizes]
  /// The families of one stage, or of several together.
  let families: Set<Family>
  let measure: Target.Measure

  /// The units of a family that must stay in a layer.
  var minimum: (Family) -> Int = { $0.isWhole ? 0 : 1 }

  /// The most that can be removed.
  var removable: Int {
    layers.reduce(0) { sum, sizes in
      sum + Family.widths.reduce(0) { $0 + removable(of: $1, in: sizes) }
    } - lastSublayer
  }

  /// The cost of the most expensive unit.
  var dearest: Int { costs { _ in true }.max() ?? 0 }

  /// The costs of one unit of each of the families in each layer that has it.
  private func costs(_ isWanted: (Family) -> Bool) -> [Int] {
    layers.flatMap { sizes in
      families.filter { isWanted($0) && sizes.count(of: $0) > 0 }.map { sizes.cost(of: $0, in: measure) }
    }
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

  /// The cost of the cheapest whole unit. It stays if every sublayer of the model may go.
  private var lastSublayer: Int {
    let present = layers.flatMap { sizes in Family.widths.filter { sizes.count(of: $0) > 0 } }
    return !present.isEmpty && present.allSatisfy(goesWhole) ? costs(\.isWhole).min() ?? 0 : 0
  }
}
