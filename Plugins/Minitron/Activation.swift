import PluginKit

/// How loud a unit is: Minitron's importance from activations alone (Muralidharan et al.; as NVIDIA's Model Optimizer
/// computes it). With x the input of a family's output projection, down_proj or o_proj,
///
///     a[j] = √( Σ over sequences of (mean over its tokens |x[j]|)² )
///     I(unit) = √( Σ over its columns j of a[j]² )
///
/// A channel has one column; a KV group has those of its query heads.
struct Activation: Criterion {
  struct Options: Decodable {
    var gqaFold: QueryFold
  }

  static let about = About(
    id: "adapt-pruner.activation",
    summary: "How large what a unit hands on is: mean over a sequence, L2 over sequences.",
    paper:
      "Muralidharan et al., Compact Language Models via Pruning and Knowledge Distillation (2024), arXiv:2407.14679",
    options: [
      .choice(
        "gqa_fold", default: QueryFold.consistent,
        "query heads count towards the KV group that they leave with (consistent), or h mod groups (published)"
      )
    ],
    statistics: [.inputMagnitude])

  let options: Options

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    let projection = try units.outputProjection
    let magnitude = try projection.statistic(.inputMagnitude)
    let squares = magnitude.elements.map { $0 * $0 }
    let byPosition = units.fold(squares, of: projection, options.gqaFold)
    return units.sumPositions(byPosition).map { $0.squareRoot() }
  }
}

private let library = Library([.criterion(Activation.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
