import JSON

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
  package let metric: Evaluation.Metric
  /// nil if the evaluator gave none of this name.
  package let items: [Double]?
  package let evaluator: String
}

extension RunFiles {
  /// All stages, outermost first, each before what is within.
  var stages: [PipelineStages.Stage] { PipelineStages.of(manifest).flatMap(\.all) }

  /// Names of the stages that come before anything changes the model.
  var stagesBeforeChanges: [String] {
    PipelineStages.of(manifest).prefix { $0.kind == "evaluate" || $0.kind == "save" }.map(\.name)
  }

  /// Whether no stage changes the model.
  var isOfUnprunedModel: Bool {
    !stages.isEmpty && stages.allSatisfy { $0.kind == "evaluate" || $0.kind == "save" }
  }

  /// SHA-256 of the model's files, in the order of their names: what tells models apart.
  var modelFingerprint: String {
    (run["model"]?["files"]?.arrayValue ?? []).compactMap { $0["sha256"]?.stringValue }.sorted()
      .joined(separator: " ")
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
          metric: metric, items: evaluation.items.first { $0.name == metric.name }?.values,
          evaluator: evaluation.evaluator)
        let key = Measurement(metric: metric.name, procedure: procedure)
        if unchanged.contains(evaluation.stage) { before[key] = measured }
        if isOfUnprunedModel || !unchanged.contains(evaluation.stage) { after[key] = measured }
      }
    }
    return (before, after)
  }

  /// - Parameter number: of this evaluation among those of the same evaluator at the same stage, from 0.
  private func procedure(of evaluation: Evaluation, number: Int) -> String {
    let stages = stages
    let owner =
      stages.first { $0.name == evaluation.stage }
      ?? stages.first { $0.name == TrainingCurves.owner(of: evaluation.stage, among: stages.map(\.name)) }
    let uses = (owner?.json["evaluators"]?.arrayValue ?? []).filter {
      $0["id"]?.stringValue == evaluation.evaluator
    }
    let options = uses.indices.contains(number) ? byContents(uses[number]["options"] ?? .null) : .null
    return evaluation.evaluator + " " + options.compact + " " + modelFingerprint
  }

  /// The same options with data named by the hash that the run recorded instead of by their path; a source without
  /// one keeps its path.
  private func byContents(_ options: JSONValue) -> JSONValue {
    guard let object = options.objectValue else { return options }
    let hashes = run["data"]?.arrayValue ?? []
    return .object(
      JSONObject(
        object.members.map { member in
          guard var source = member.value.objectValue, let path = source["path"]?.stringValue,
            let hash = hashes.first(where: { $0["path"]?.stringValue == path })?["sha256"]
          else { return (member.key, member.value) }
          source["path"] = hash
          return (member.key, .object(source))
        }))
  }
}
