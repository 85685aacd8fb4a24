import PluginKit

/// A number for each unit, uniform in [0, 1) times the weights it holds, that depends on the run's seed, the layer, the
/// family and the unit's index in the unpruned model alone: the baseline that every criterion must beat. A unit keeps
/// its score from one iteration to the next (the published `RandomImportance` draws anew each time). As sums over
/// weights do, it grows with the unit, so that no family is favoured where scores are weighed against cost.
struct RandomScores: Criterion {
  struct Options: Decodable {}

  static let about = About(
    id: "adapt-pruner.random", summary: "A random score for each unit, from the run's seed.",
    paper: "Ma et al., LLM-Pruner (2023), arXiv:2305.11627", scoresCompare: true)

  init(options: Options) {}

  func scores(of units: Units, model: Model, host: Host) -> [Double] {
    // One stream for each family of each layer that is pruned in one stage: "attention" and "mlp", or "attention_block"
    // and "mlp_block", or "layer" alone.
    let stream = UInt64(units.layer) << 8 | UInt64(units.family.utf8.first ?? 0)
    let numbers = host.random(stream: stream, count: 1 + (units.original.max() ?? 0))
    let weights = units.matrices.reduce(0) { $0 + $1.weight.rows * $1.weight.columns } / max(1, units.count)
    return units.original.map { Double(numbers[$0]) * Double(weights) }
  }
}

private let library = Library([.criterion(RandomScores.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
