import PluginKit

/// What the loss gains when a unit leaves and the rest of its output projection makes up for it as well as it can:
/// Optimal Brain Surgeon (Hassibi and Stork, 1993) for groups of columns, with the Kronecker-factored curvature of LLM
/// Surgeon (van der Ouderaa et al., arXiv 2312.17244). With y = x Wᵀ the projection, G = mean xᵀx over its inputs, F the
/// Gram matrix of the gradients at y, and ρ = ridge · mean diag G, a change D of W costs about tr(F D (G + ρI) Dᵀ)/2.
/// Without the columns g the least that it costs is, the half left out,
///
///     tr(F · W[:,g] · ([(G + ρI)⁻¹][g,g])⁻¹ · W[:,g]ᵀ)
///
/// which is (W[:,j]ᵀ F W[:,j]) / [(G + ρI)⁻¹][j,j] for a single column j.
struct SecondOrder: Criterion {
  enum Labels: String, Decodable, CaseIterable { case model, data }

  struct Options: Decodable {
    var labels: Labels
    var ridge: Double
    var greedy: Bool
    var greedyBlock: Int
  }

  static let about = About(
    id: "adapt-pruner.second-order",
    summary: "What the loss gains, to second order, when a unit leaves and the others make up for it.",
    paper: "Hassibi and Stork, Optimal Brain Surgeon (1993); van der Ouderaa et al., LLM Surgeon (2023), "
      + "arXiv:2312.17244",
    options: [
      .choice(
        "labels", default: Labels.model,
        "whose next tokens the gradients are of: drawn from the model (the true Fisher), or the data's (the empirical)"
      ),
      .number("ridge", default: 0.01, minimum: 1e-4, "ρ, as a share of the inputs' mean square"),
      .flag(
        "greedy", default: false,
        "whether units are ranked by removing them in turn, each at what it costs once those before it are gone"
      ),
      .integer(
        "greedy_block", default: 32, minimum: 1,
        "channels that leave between two updates of all weights and curvature; KV groups leave one by one"
      ),
    ],
    statistics: [.inputGram, .outputFisher, .outputGradientGram], scoresCompare: true)

  let options: Options
  var statistics: [Statistic] {
    [.inputGram, options.labels == .model ? .outputFisher : .outputGradientGram]
  }

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    let projection = try units.outputProjection
    var layer = try Surgery(
      weight: projection.weight, inputs: projection.statistic(.inputGram),
      gradients: projection.statistic(statistics[1]), ridge: options.ridge, units: units.count, host)
    guard options.greedy else { return try layer.costs() }
    var scores = [Double](repeating: 0, count: units.count)
    var reached = 0.0
    while layer.units.count > 1 {
      let leaving = try layer.cheapest(layer.width == 1 ? min(options.greedyBlock, layer.units.count - 1) : 1)
      for (unit, cost) in leaving {
        // Who leaves later matters more, also where the others' leaving has made it cheap.
        reached = max(reached, cost)
        scores[unit] = reached
      }
      try layer.remove(leaving.map(\.unit).sorted())
    }
    scores[layer.units[0]] = max(reached, try layer.costs()[0])
    return scores
  }
}

private let library = Library([.criterion(SecondOrder.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
