import PluginKit

/// First- and second-order Taylor importance (LLM-Pruner, equations 3 to 5; Adapt-Pruner; `TaylorImportance` in
/// both repositories). For one line, a row or a column, of one matrix, with the gradient g and the mean h of
/// single sequences' squared gradients:
///
///     param_first   Σ |w·g|                 vectorize   |Σ w·g|
///     param_second  Σ |w·h·w|               param_mix   Σ |w·g − ½·w·h·w|
///
/// The lines of the query heads that share a KV group are summed by position, the family's matrices are
/// reduced by position, and the positions are summed to one score a unit (`CoupledImportance` in PluginKit).
struct TaylorCriterion: Criterion {
  struct Options: Decodable {
    var variant: TaylorVariant
    /// Over matrices in the order k, v, q, o and gate, up, down: `first` is k, or gate.
    var reduction: GroupReduction
    var gqaFold: QueryFold
  }

  static let about = About(
    id: "adapt-pruner.taylor",
    summary: "How much the loss is expected to change without a unit, by Taylor expansion.",
    paper:
      "Wang et al., Adapt-Pruner (2025), arXiv:2502.03460; Ma et al., LLM-Pruner (2023), arXiv:2305.11627",
    options: [
      .choice("variant", default: TaylorVariant.paramFirst, "the sum over a line's elements"),
      .choice("reduction", default: GroupReduction.sum, "how a family's matrices are brought together"),
      .choice(
        "gqa_fold", default: QueryFold.consistent,
        "query heads count towards the KV group that they leave with (consistent), or h mod groups (published)"
      ),
    ],
    statistics: [.gradient, .gradientSquare], scoresCompare: true)

  let options: Options
  var statistics: [Statistic] { options.variant.statistics }
  /// A sum over all of a unit's weights is the loss's expected change; a mean or product over three matrices is none.
  var scoresCompare: Bool { options.reduction == .sum }

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    try units.scores(of: units.matrices, options.reduction, options.gqaFold) {
      try $0.taylorSums(options.variant)
    }
  }
}
