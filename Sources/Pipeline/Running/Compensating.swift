import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// What a prune stage does once it is decided what leaves: a compensator changes what is left of the output projections.
extension Pruning {
  /// Biases that the compensator adds, where the model has none.
  private var biases: Biases {
    guard let compensator, compensator.addsBias else { return Biases() }
    return Biases(
      attentionOutput: stage.families.contains(.attention), down: stage.families.contains(.mlp))
  }

  /// What they cost in the target's measure, as far as they are not there yet.
  var costOfBiases: Int {
    let decoder = model.decoder
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
    _ iteration: Int,
    _ rewrite: Rewrite
  ) throws {
    let summary = modelSummary
    let cut = model.decoder
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
  /// As a compensator sees it, over the pass's own memory.
  fileprivate var request: ProjectionRequest {
    ProjectionRequest(
      family: family.rawValue, layer: layer, name: name,
      weight: MatrixMemory(weight.base, rows: rows, columns: columns), bias: bias, kept: kept,
      statistics: [
        "input_mean": MatrixMemory(inputMean.base, rows: 1, columns: columns),
        "input_gram": MatrixMemory(inputGram.base, rows: columns, columns: columns),
        "target_mean": MatrixMemory(targetMean.base, rows: 1, columns: rows),
        "target_product": MatrixMemory(targetProduct.base, rows: rows, columns: columns),
      ])
  }
}

extension BudgetRequest {
  /// Goals so much lower that what is added later still fits.
  func leavingRoom(for cost: Int) -> BudgetRequest {
    var request = self
    request.goal -= cost
    request.iterationGoal -= cost
    return request
  }
}
