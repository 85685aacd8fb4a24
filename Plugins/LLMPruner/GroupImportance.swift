import PluginKit

/// How much a group of coupled structures matters (LLM-Pruner, Ma et al., section 3.2, equations 3 to 5;
/// `TaylorImportance` and `MagnitudeImportance` in LLMPruner/pruner/hf_llama_pruner.py, `RandomImportance` in
/// LLMPruner/torch_pruning/importance.py). For one line, a row or a column, of one matrix, with the calibration gradient g
/// and the mean h of single samples' squared gradients, which stands in for the diagonal of the Hessian:
///
///     param_first   Σ |w·g|                 vectorize   |Σ w·g|
///     param_second  Σ |w·h·w|               param_mix   Σ |w·g − ½·w·h·w|
///     l1            Σ |w|                   l2          Σ w²    (no root is taken)
///
/// then folded to the groups, reduced over the family's matrices, and summed over a head's positions
/// (`CoupledImportance` in PluginKit). random: a number in [0, 1) for each row of a unit, summed.
struct GroupImportance: Criterion {
  enum Importance: String, Decodable, CaseIterable {
    case paramFirst = "param_first"
    case paramSecond = "param_second"
    case paramMix = "param_mix"
    case vectorize, l1, l2, random

    var taylor: TaylorVariant? { TaylorVariant(rawValue: rawValue) }
  }

  struct Options: Decodable {
    var importance: Importance
    var reduction: GroupReduction
    var gqaFold: QueryFold
  }

  static let about = About(
    id: "adapt-pruner.llm-pruner",
    summary: "LLM-Pruner's group importance: Taylor expansion, magnitude, or chance.",
    paper: "Ma et al., LLM-Pruner (2023), arXiv:2305.11627",
    options: [
      .choice(
        "importance", default: Importance.paramFirst, "the sum over a line's elements, or a random number"),
      .choice(
        "reduction", default: GroupReduction.sum,
        "how a family's matrices are brought together (not of random)"
      ),
      .choice(
        "gqa_fold", default: QueryFold.consistent,
        "query heads count towards the KV group that they leave with (consistent), or h mod groups (published; not of random)"
      ),
    ],
    statistics: [.gradient, .gradientSquare], scoresCompare: true)

  let options: Options
  var statistics: [Statistic] { options.importance.taylor?.statistics ?? [] }
  /// Taylor's are the loss's expected change, summed over all of a unit's weights; magnitudes and chance are not.
  var scoresCompare: Bool { options.importance.taylor != nil && options.reduction == .sum }

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    if options.importance == .random { return random(units, host) }
    let matrices = options.reduction == .first ? [try root(of: units)] : units.matrices
    return try units.scores(of: matrices, options.reduction, options.gqaFold) { matrix in
      if let variant = options.importance.taylor { return try matrix.taylorSums(variant) }
      let weight = matrix.weight
      return options.importance == .l1
        ? matrix.lineSums { Double(abs(weight[$0, $1])) }
        : matrix.lineSums { Double(weight[$0, $1]) * Double(weight[$0, $1]) }
    }
  }

  /// The matrix from which the published code finds a group: gate_proj; q_proj in hf_prune.py, which knows one KV head a
  /// query head, and k_proj in llama3.py, which knows fewer.
  private func root(of units: Units) throws -> Matrix {
    let sharesKeys = units.matrices.contains { $0.repeats > 1 }
    let name = sharesKeys ? "k_proj" : "q_proj"
    guard let root = units.matrices.first(where: { $0.name == name || $0.name == "gate_proj" }) else {
      throw PluginError("family \(units.family) has neither \(name) nor gate_proj", kind: .unsupported)
    }
    return root
  }

  /// By the unit's index in the unpruned model, so that a unit keeps its number from step to step.
  private func random(_ units: Units, _ host: Host) -> [Double] {
    // Of the families that are pruned together no two start with the same letter.
    let stream = UInt64(units.layer) << 8 | UInt64(units.family.utf8.first ?? 0)
    let numbers = host.random(stream: stream, count: (1 + (units.original.max() ?? 0)) * units.positions)
    return units.original.map { unit in
      numbers[(unit * units.positions)..<((unit + 1) * units.positions)].reduce(0) { $0 + Double($1) }
    }
  }
}
