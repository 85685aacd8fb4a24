import PluginKit

/// Layers that change the residual stream little lose more (Adapt-Pruner, section 3.2;
/// `adaptive_update_prune_distribution` in metapruner.py). With d[l] the importance of layer l, T steps and
/// amplitude A:
///
///     d[l] = −Σ_batches mean_tokens cos(x, y)                   (or a distance ‖y − x‖, see `distance_sign`)
///     Î[l] = (d[l] − mean d) / max |d − mean d|
///     s[l] ← clamp(s[l] + 1/T − A·Î[l], 0, 0.99)                keep = int(original · (1 − s))
///
/// `budget: exact` solves for the k in s[l] + k·(1/T − A·Î[l]) that meets the iteration's goal; `published` has
/// k = 1.
struct LayerDistanceAllocator: Allocator {
  enum Distance: String, Decodable, CaseIterable { case cosine, euclidean, manhattan }
  enum Sign: String, Decodable, CaseIterable { case consistent, published }
  enum Aim: String, Decodable, CaseIterable { case exact, published }

  struct Options: Decodable {
    var distance: Distance
    var distanceSign: Sign
    var amplitude: Double
    var steps: Int
    var budget: Aim
    var families: FamilySharing
  }

  static let about = About(
    id: "adapt-pruner.layer-distance", summary: "Layers that change the residual stream little lose more.",
    paper: "Wang et al., Adapt-Pruner (2025), arXiv:2502.03460",
    options: [
      .choice("distance", default: Distance.cosine, "between what enters a layer and what leaves it"),
      .choice(
        "distance_sign", default: Sign.consistent,
        "of euclidean and manhattan: a larger distance is more important (consistent), or less (published)"),
      .number("amplitude", default: 0.02, minimum: 0, "A: how much layers differ"),
      .integer("steps", default: 50, minimum: 1, "T: steps from the whole model to nothing"),
      .choice("budget", default: Aim.exact, "exact: end on the iteration's goal; published: one step"),
      .familySharing,
    ],
    statistics: [.layerCosine, .layerEuclidean, .layerManhattan])

  let options: Options
  var meetsGoal: Bool { options.budget == .exact }

  var statistics: [Statistic] {
    switch options.distance {
    case .cosine: [.layerCosine]
    case .euclidean: [.layerEuclidean]
    case .manhattan: [.layerManhattan]
    }
  }

  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share] {
    try allocation.requireShares()
    let importances = normalised(
      allocation.layers.map { layer in
        layer.families.contains { $0.count > 0 } ? importance(layer.statistics[0]) : nil
      })
    let step = 1 / Double(options.steps)
    switch options.budget {
    case .exact:
      return try allocation.solve(
        zip(allocation.layers, importances).map {
          Demand($0.families, increment: step - options.amplitude * $1)
        }, options.families, host: host)
    case .published:
      return zip(allocation.layers, importances).flatMap { layer, importance in
        layer.families.map {
          $0.publishedShare(
            at: max(0, min(0.99, $0.previousSparsity + step - options.amplitude * importance)))
        }
      }
    }
  }

  private func importance(_ measure: Double) -> Double {
    switch (options.distance, options.distanceSign) {
    case (.cosine, _), (_, .published): -measure
    case (_, .consistent): measure
    }
  }

  /// Mean 0, largest absolute value 1: [layers]. Layers that are all alike are all 0.
  /// - Parameter importances: nil of a layer that has nothing to lose: the published code would not have it any more.
  private func normalised(_ importances: [Double?]) -> [Double] {
    let values = importances.compactMap(\.self)
    let mean = values.reduce(0, +) / Double(max(1, values.count))
    let largest = values.map { abs($0 - mean) }.max() ?? 0
    return importances.map { value in
      guard let value, largest > 0 else { return 0 }
      return (value - mean) / largest
    }
  }
}
