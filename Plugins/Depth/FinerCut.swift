import PluginKit

/// How much the model's output changes without a layer or a sublayer (FinerCut, Zhang et al., arXiv:2405.18218;
/// dissect/evaluators/output.py of its code). With z the logits of the whole model and z′ those of the model at hand
/// without the unit as well:
///
///     angle   mean over tokens of arccos(cos(z, z′)) / π
///     norm    mean over sequences of ‖Z − Z′‖₂
struct FinerCut: Criterion {
  enum Distance: String, Decodable, CaseIterable { case angle, norm }

  struct Options: Decodable {
    var distance: Distance
  }

  static let about = About(
    id: "adapt-pruner.finercut",
    summary: "How much the model's output changes without a layer or a sublayer.",
    paper: "Zhang et al., FinerCut (2024), arXiv:2405.18218",
    options: [
      .choice(
        "distance", default: Distance.angle, "between logits: their mean angle, or the norm of the difference"
      )
    ],
    statistics: [.removalAngle, .removalNorm], scoresCompare: true)

  let options: Options
  var statistics: [Statistic] { options.distance == .angle ? [.removalAngle] : [.removalNorm] }

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    try units.statistic(statistics[0])
  }
}

/// One unit leaves in each iteration, the one with the lowest score of all, until the target is passed (`greedy_pruning`
/// in scripts/prune_layer.py of FinerCut's code).
struct OneByOne: Allocator {
  struct Options: Decodable {
    var excludeFirst: Double
  }

  static let about = About(
    id: "adapt-pruner.one-by-one", summary: "In each iteration the one unit with the lowest score leaves.",
    paper: "Zhang et al., FinerCut (2024), arXiv:2405.18218",
    options: [
      .number(
        "exclude_first", default: 0, minimum: 0, maximum: 1,
        "share of the layers, from the first on, and one layer more, that lose nothing until more than this share of all units is gone"
      )
    ])

  let options: Options
  let meetsGoal = false

  func shares(of allocation: Allocation, model: Model, host: Host) throws -> [Share] {
    allocation.warnOfRanking(host)
    let families = allocation.families
    let units = families.reduce(0) { $0 + $1.originalCount }
    let gone = units - families.reduce(0) { $0 + $1.count }
    // One more than the share, as get_target_layers in dissect/utils/misc.py.
    let isOver = options.excludeFirst == 0 || Double(gone) > options.excludeFirst * Double(units)
    let excluded = isOver ? 0 : Int(options.excludeFirst * Double(allocation.layers.count)) + 1
    // Families lie layer after layer; of equal scores the first leaves.
    let candidates = allocation.layers.enumerated().flatMap { index, layer in
      layer.families.map { index < excluded || $0.count <= $0.minimum ? nil : $0.scores.min() }
    }
    guard let lowest = candidates.compactMap(\.self).min() else {
      throw PluginError(
        "no unit is left that may leave; raise the target, or lower exclude_first", kind: .invalidOptions)
    }
    let leaving = candidates.firstIndex(of: lowest)
    return families.enumerated().map { index, family in
      let keep = family.count - (index == leaving ? 1 : 0)
      return Share(sparsity: 1 - Double(keep) / Double(max(1, family.originalCount)), keep: keep)
    }
  }
}
