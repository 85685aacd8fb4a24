import RunRecords

/// What was measured, and how. Only values of the same measurement are compared: metrics of one name may have other
/// windows, options or data.
package struct Measurement: Hashable {
  /// The metric's name.
  package let metric: String
  /// The evaluator, its options, the hashes of its data, and the model at the start, whose tokenizer splits the text.
  package let procedure: String
}

/// The value of a measurement on one model.
package struct Measured {
  package let metric: EvaluationRecord.Metric
  /// nil if the evaluator gave none of this name.
  package let items: [Double]?
}

extension RecordedRun {
  /// Whether no stage changes the model.
  var isOfUnprunedModel: Bool {
    !manifest.allStages.isEmpty && manifest.allStages.allSatisfy(\.leavesModel)
  }

  /// The sorted SHA-256 hashes of the model's files. They tell models apart.
  var modelFingerprint: String {
    (run.model?.files ?? []).compactMap(\.sha256).sorted().joined(separator: " ")
  }

  /// The last value of each measurement, before the model was changed and after.
  var measurements: (before: [Measurement: Measured], after: [Measurement: Measured]) {
    var before: [Measurement: Measured] = [:]
    var after: [Measurement: Measured] = [:]
    let unchanged = Set(manifest.stages.prefix(while: \.leavesModel).map(\.name))
    var seen: [String: Int] = [:]
    for evaluation in evaluations {
      let place = evaluation.stage + "\n" + evaluation.evaluator
      let procedure = procedure(of: evaluation, number: seen[place] ?? 0)
      seen[place, default: 0] += 1
      for metric in evaluation.metrics {
        let measured = Measured(
          metric: metric, items: evaluation.items.first { $0.name == metric.name }?.value)
        let key = Measurement(metric: metric.name, procedure: procedure)
        if unchanged.contains(evaluation.stage) { before[key] = measured }
        if isOfUnprunedModel || !unchanged.contains(evaluation.stage) { after[key] = measured }
      }
    }
    return (before, after)
  }

  /// - Parameter number: counts the evaluations by the same evaluator at the same stage, from 0.
  private func procedure(of evaluation: EvaluationRecord, number: Int) -> String {
    let uses = (stage(of: evaluation.stage)?.evaluators ?? []).filter { $0.id == evaluation.evaluator }
    let options = uses[safe: number]?.options(withHashesOf: run.data ?? []) ?? .null
    return evaluation.evaluator + " " + options.compact + " " + modelFingerprint
  }
}
