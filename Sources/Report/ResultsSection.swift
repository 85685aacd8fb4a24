import RunRecords
import Wording

/// Size and quality of the model, stage by stage.
package enum ResultsSection {
  /// The model after one stage. What a stage doesn't tell is as it was before.
  struct Row {
    let stage: String
    let parameters: Int?
    let macs: Int?
    let metrics: [EvaluationRecord.Metric]
    /// On the disk: the model as it came, or one that the stage has saved.
    let weights: WeightsOnDisk?
    /// Whether the run ended with this model; nil where the manifest is missing.
    let isFinal: Bool?
  }

  static func section(_ files: RecordedRun) -> Page.Section {
    let rows = rows(files)
    let hasMetrics = rows.contains { !$0.metrics.isEmpty }
    let caption =
      "The model after each stage"
      + (hasMetrics ? "; metrics with their standard errors, where these are known" : "")
    return Page.Section(
      id: "results", title: "Sizes and metrics",
      content: rows.isEmpty ? [] : outcome(files, rows) + [.table(caption, rows, columns(files, rows))])
  }

  /// The columns of the table of stages.
  static func columns(_ files: RecordedRun, _ rows: [Row]) -> [Column<Row>] {
    let metrics = rows.flatMap(\.metrics)
    let original = originalParameters(files)
    let sizes: [Column<Row>] = [
      .text("stage") { ShownText.oneLine($0.stage) },
      .number("parameters") { $0.parameters.map(HumanFormat.grouped) },
      .number("of the original", title: "of the original") {
        share($0.parameters, of: original).map(HumanFormat.percent)
      },
      .number("MACs", note: "multiply-accumulates a token") { $0.macs.map(HumanFormat.grouped) },
    ]
    let hasWeights = rows.contains { $0.weights != nil }
    return sizes
      + (hasWeights ? [.number("weights on disk") { $0.weights.map { ShownText.oneLine($0.words) } }] : [])
      + metrics.map(\.name).unique.map { name in
        let lower = metrics.first { $0.name == name }?.lowerIsBetter
        return .number(name, title: name, note: lower.map(direction)) { row in
          row.metrics.first { $0.name == name }.map(words)
        }
      }
  }

  static func direction(_ lowerIsBetter: Bool) -> String {
    lowerIsBetter ? "lower is better" : "higher is better"
  }

  static func share(_ parameters: Int?, of original: Int?) -> Double? {
    guard let parameters, let original, original > 0 else { return nil }
    return Double(parameters) / Double(original)
  }

  /// More metrics than this stand only in the table.
  private static let mostMetrics = 12

  /// The model before the run, and the last that is known of it.
  private static func outcome(_ files: RecordedRun, _ rows: [Row]) -> [Markup] {
    func size(_ before: Int?, _ after: Int?) -> String? {
      guard let after else { return nil }
      let share = share(after, of: before).map { ", \(HumanFormat.percent($0))" } ?? ""
      return HumanFormat.grouped(after) + (before.map { " of \(HumanFormat.grouped($0))\(share)" } ?? "")
    }
    func change(_ before: String?, _ after: String) -> String { (before.map { "\($0) → " } ?? "") + after }
    let (start, saved) = (files.history.start, files.history.saved)
    var facts = [
      ("Parameters", size(originalParameters(files), rows.last?.parameters)),
      ("Multiply-accumulates a token", size(start?.macs, rows.last?.macs)),
      ("Weights on disk", (saved.last?.value.weights).map { change(start?.weights?.words, $0.words) }),
    ]
    for name in rows.flatMap(\.metrics).map(\.name).unique.prefix(mostMetrics) {
      let values = rows.compactMap { row in row.metrics.first { $0.name == name } }
      guard let first = values.first, let last = values.last else { continue }
      let better = last.lowerIsBetter.map { " (\(direction($0)))" } ?? ""
      facts.append((name, change(values.count > 1 ? words(first) : nil, words(last)) + better))
    }
    return [.facts(facts)]
      + saved.map(\.value).map { model in
        let left = model.leftBehind.map(\.words).joined(separator: ", ")
        return .tag(
          "p",
          "Saved in \(model.directory ?? "")" + (model.weights.map { ": weights of \($0.words)" } ?? "") + "."
            + (model.leftBehind.isEmpty ? "" : " Left behind of the source: \(left)."))
      }
  }

  /// Returns the value and its error, to the error's second digit: `25.6 ± 1.9`.
  static func words(_ metric: EvaluationRecord.Metric) -> String {
    let value = metric.value
    guard !value.isNaN else { return "not finite" }
    guard value.isFinite, let error = metric.standardError, error.isFinite, error > 0 else {
      return HumanFormat.measured(value)
    }
    let decimals = ComparisonTables.decimals { error * $0 >= 9.5 }
    return "\(HumanFormat.fixed(value, decimals)) ± \(HumanFormat.fixed(error, decimals))"
  }

  /// The size of the model as it came: noted by the run, or measured before anything was pruned.
  static func originalParameters(_ files: RecordedRun) -> Int? {
    if let known = files.history.start?.parameters { return known }
    guard let first = files.history.stages.first,
      !files.iterations.contains(where: { $0.stage == first.label })
    else { return nil }
    return first.parameters
  }

  static func rows(_ files: RecordedRun) -> [Row] {
    let history = files.history
    // Without an event log, evaluations and iterations still tell the stages.
    let labels =
      (history.stages.map(\.label) + files.iterations.map(\.stage) + files.evaluations.map(\.stage)).unique
    var parameters = originalParameters(files)
    var macs = history.start?.macs
    let kinds = labels.map { files.stage(of: $0)?.kind ?? "" }
    let changes = kinds.indices.filter { ["prune", "transform", "train"].contains(kinds[$0]) }
    return labels.enumerated().map { index, label in
      let evaluations = files.evaluations.filter { $0.stage == label }
      let last = files.iterations.last { $0.stage == label }
      let stage = history.stages.first { $0.label == label }
      parameters = evaluations.last?.parameters ?? last?.parameters ?? stage?.parameters ?? parameters
      macs = evaluations.last?.macs ?? last?.macs ?? macs
      return Row(
        stage: label, parameters: parameters, macs: macs, metrics: evaluations.flatMap(\.metrics),
        weights: history.saved.first { $0.name == label }?.value.weights
          ?? (index == 0 && !changes.contains(0) ? history.start?.weights : nil),
        isFinal: kinds.contains("") ? nil : files.hasFinished && index >= changes.last ?? 0)
    }
  }
}
