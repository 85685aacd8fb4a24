import PluginKit

/// First- and second-order Taylor importance (LLM-Pruner, equations 3 to 5; Adapt-Pruner; `TaylorImportance` in
/// both repositories). For one line, a row or a column, of one matrix, with the gradient g and the mean h of
/// single sequences' squared gradients:
///
///     param_first   Σ |w·g|                 vectorize   |Σ w·g|
///     param_second  Σ |w·h·w|               param_mix   Σ |w·g − ½·w·h·w|
///
/// The lines of the query heads that share a KV group are summed by position, the family's matrices are
/// reduced by position, and the positions are summed to one score a unit.
struct TaylorCriterion: Criterion {
  enum Variant: String, Decodable, CaseIterable {
    case paramFirst = "param_first"
    case vectorize
    case paramSecond = "param_second"
    case paramMix = "param_mix"
  }

  /// Over matrices in the order k, v, q, o and gate, up, down: `first` is k, or gate.
  enum Reduction: String, Decodable, CaseIterable { case sum, mean, max, prod, first }

  struct Options: Decodable {
    var variant: Variant
    var reduction: Reduction
    var gqaFold: QueryFold
  }

  static let about = About(
    id: "adapt-pruner.taylor",
    summary: "How much the loss is expected to change without a unit, by Taylor expansion.",
    paper:
      "Wang et al., Adapt-Pruner (2025), arXiv:2502.03460; Ma et al., LLM-Pruner (2023), arXiv:2305.11627",
    options: [
      .choice("variant", default: Variant.paramFirst, "the sum over a line's elements"),
      .choice("reduction", default: Reduction.sum, "how a family's matrices are brought together"),
      .choice(
        "gqa_fold", default: QueryFold.consistent,
        "query heads count towards the KV group that they leave with (consistent), or h mod groups (published)"
      ),
    ],
    statistics: [.gradient, .gradientSquare])

  let options: Options

  var statistics: [Statistic] {
    switch options.variant {
    case .paramFirst, .vectorize: [.gradient]
    case .paramSecond: [.gradientSquare]
    case .paramMix: [.gradient, .gradientSquare]
    }
  }

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    let matrices = try units.matrices.map { units.fold(try lineImportance($0), of: $0, options.gqaFold) }
    return units.sumPositions(
      (0..<(units.count * units.positions)).map { place in
        reduced(matrices.map { $0[place] })
      })
  }

  private func lineImportance(_ matrix: Matrix) throws -> [Double] {
    let weight = matrix.weight
    switch options.variant {
    case .paramFirst:
      let g = try matrix.statistic(.gradient)
      return matrix.lineSums { abs(Double(weight[$0, $1]) * Double(g[$0, $1])) }
    case .vectorize:
      let g = try matrix.statistic(.gradient)
      return matrix.lineSums { Double(weight[$0, $1]) * Double(g[$0, $1]) }.map(abs)
    case .paramSecond:
      let h = try matrix.statistic(.gradientSquare)
      return matrix.lineSums { abs(Double(weight[$0, $1]) * Double(h[$0, $1]) * Double(weight[$0, $1])) }
    case .paramMix:
      let (g, h) = (try matrix.statistic(.gradient), try matrix.statistic(.gradientSquare))
      return matrix.lineSums { row, column in
        let w = Double(weight[row, column])
        return abs(w * Double(g[row, column]) - 0.5 * w * Double(h[row, column]) * w)
      }
    }
  }

  private func reduced(_ values: [Double]) -> Double {
    switch options.reduction {
    case .sum: values.reduce(0, +)
    case .mean: values.reduce(0, +) / Double(values.count)
    case .max: values.max() ?? 0
    case .prod: values.reduce(1, *)
    case .first: values.first ?? 0
    }
  }
}
