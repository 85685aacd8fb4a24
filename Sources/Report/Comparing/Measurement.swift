import RunRecords

/// What was measured and how. Values are compared only where this is the same, since one metric's name may stand for
/// other windows, options or data.
package struct Measurement: Hashable, Sendable {
  /// The metric's name.
  package let metric: String
  /// The evaluator, its options with data by their contents, and the model that the run began with, whose tokenizer
  /// makes items of a text.
  package let procedure: String
}

/// The value of a measurement on one model.
package struct Measured: Equatable, Sendable {
  package let metric: EvaluationRecord.Metric
  /// nil if the evaluator gave none of this name.
  package let items: [Double]?
  package let evaluator: String
}

extension RunFiles {
  /// Names of the stages that come before anything changes the model.
  var stagesBeforeChanges: [String] {
    manifest.stages.prefix(while: \.leavesModel).map(\.name)
  }

  /// Whether no stage changes the model.
  var isOfUnprunedModel: Bool {
    !manifest.allStages.isEmpty && manifest.allStages.allSatisfy(\.leavesModel)
  }

  /// SHA-256 of the model's files, in the order of their names: what tells models apart.
  var modelFingerprint: String {
    (run.model?.files ?? []).compactMap(\.sha256).sorted().joined(separator: " ")
  }

  /// What was measured at the ends of the run: of the model before any change, and of what it came to, each measurement
  /// as it was taken last.
  var measurements: (before: [Measurement: Measured], after: [Measurement: Measured]) {
    var before: [Measurement: Measured] = [:]
    var after: [Measurement: Measured] = [:]
    let unchanged = Set(stagesBeforeChanges)
    var seen: [String: Int] = [:]
    for evaluation in evaluations {
      let place = evaluation.stage + "\n" + evaluation.evaluator
      let procedure = procedure(of: evaluation, number: seen[place] ?? 0)
      seen[place, default: 0] += 1
      for metric in evaluation.metrics {
        let measured = Measured(
          metric: metric, items: evaluation.items.first { $0.name == metric.name }?.value,
          evaluator: evaluation.evaluator)
        let key = Measurement(metric: metric.name, procedure: procedure)
        if unchanged.contains(evaluation.stage) { before[key] = measured }
        if isOfUnprunedModel || !unchanged.contains(evaluation.stage) { after[key] = measured }
      }
    }
    return (before, after)
  }

  /// - Parameter number: of this evaluation among those of the same evaluator at the same stage, from 0.
  private func procedure(of evaluation: EvaluationRecord, number: Int) -> String {
    let stages = manifest.allStages
    let owner =
      stages.first { $0.name == evaluation.stage }
      ?? stages.first { $0.name == TrainingCurves.owner(of: evaluation.stage, among: stages.map(\.name)) }
    let uses = (owner?.evaluators ?? []).filter { $0.id == evaluation.evaluator }
    let options = uses.indices.contains(number) ? uses[number].options(withHashesOf: run.data ?? []) : .null
    return evaluation.evaluator + " " + options.compact + " " + modelFingerprint
  }
}
