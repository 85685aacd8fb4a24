import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// The compensator of a prune stage: after each cut it changes what is left of the output projections.
extension Pruning {
  /// The biases that the compensator adds.
  private var biases: Biases {
    guard let compensator, compensator.addsBias else { return Biases() }
    return Biases(
      attentionOutput: stage.families.contains(.attention), down: stage.families.contains(.mlp))
  }

  /// The cost of those biases in the target's measure. A bias that the model already has costs nothing.
  var costOfBiases: Int {
    guard stage.target.measure == .parameters else { return 0 }
    return decoder.allSizes.reduce(0) { sum, sizes in
      let attention = biases.attentionOutput && sizes.hasAttention && !sizes.biases.attentionOutput
      let mlp = biases.down && sizes.hasMLP && !sizes.biases.down
      return sum + (attention ? sizes.hidden : 0) + (mlp ? sizes.hidden : 0)
    }
  }

  /// - Parameters:
  ///   - uncut: the model before this iteration's cut.
  ///   - whole: the model before the stage's first cut; nil if the compensator does not follow cuts.
  func compensate(
    _ compensator: CompensatorInstance, _ uncut: Decoder, _ whole: Decoder?, _ title: String,
    _ iteration: Int, _ rewrite: Rewrite
  ) throws {
    let summary = modelSummary
    let cut = decoder
    try context.followingLayers(title + ": compensation") { advance in
      try rewrite(iteration, biases) { body in
        try uncut.compensate(
          cut, original: iteration > 1 ? whole : nil,
          CompensationRequest(
            sequences: sequences, families: stage.families, followsCut: compensator.followsCut,
            addsBias: compensator.addsBias), workers: context.workers, observer: { try advance($0.done) },
          solve: { projection in
            let answer = try compensator.compensate(model: summary, projection.request)
            return (answer.weight, answer.bias)
          }, body: body)
      }
    }
  }
}

extension CutProjection {
  /// The projection as a compensator sees it. The request borrows the pass's memory.
  fileprivate var request: ProjectionRequest {
    ProjectionRequest(
      family: family.rawValue, layer: layer, name: name,
      weight: MatrixMemory(weight.base, rows: rows, columns: columns), bias: bias, kept: kept,
      statistics: statistics.reduce(into: [:]) { statistics, gathered in
        guard let size = gathered.key.shape.size(rows: rows, columns: columns) else { return }
        statistics[gathered.key] = MatrixMemory(gathered.value.base, rows: size.rows, columns: size.columns)
      })
  }
}

extension BudgetRequest {
  /// The same request with goals that leave room for a later addition.
  func leavingRoom(for cost: Int) -> BudgetRequest {
    var request = self
    request.goal -= cost
    request.iterationGoal -= cost
    return request
  }
}
