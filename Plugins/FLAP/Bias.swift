import PluginKit

/// What left, at its mean, as a bias of the output projection (FLAP, section 3.4; `compress` in lib/prune.py):
///
///     b' = b + W[:, removed] · mean x[removed]
struct FLAPBias: Compensator {
  struct Options: Decodable {}

  static let about = About(
    id: "adapt-pruner.flap-bias", summary: "A bias for what the removed units handed on, on average.",
    paper: "An et al., FLAP (2023), arXiv:2312.11983", options: [], statistics: [.inputMean])

  init(options: Options) {}

  /// The published code takes all means from the model as it was.
  let followsCut = false
  let addsBias = true

  func compensate(_ projection: Projection, model: Model, host: Host) throws -> Projection.Change {
    let (weight, mean) = (projection.weight, try projection.statistic(.inputMean))
    let removed = projection.removed
    return Projection.Change(
      bias: (0..<weight.rows).map { row in
        removed.reduce(projection.bias?[row] ?? 0) { $0 + Double(weight[row, $1]) * Double(mean[0, $1]) }
      })
  }
}
