import RunRecords
import Wording

/// Size and quality of the model, stage by stage.
package enum ResultsSection {
  /// The model after one stage; what a stage doesn't tell is what held before.
  package struct Row: Equatable {
    package let stage: String
    package let parameters: Int?
    package let macs: Int?
    package let metrics: [EvaluationRecord.Metric]
    /// On the disk: of the model as it came, and of one that the stage has saved.
    package let weights: WeightsOnDisk?
    /// Whether this is the model that the run came to; nil where the manifest is missing.
    package let isFinal: Bool?
  }

  static func section(_ files: RunFiles) -> Page.Section {
    let rows = rows(files)
    guard !rows.isEmpty else { return Page.Section(id: "results", title: "Sizes and metrics", content: []) }
    let metrics = rows.flatMap(\.metrics)
    let names = Iteration.inOrder(metrics.map(\.name))
    let tellsWeights = rows.contains { $0.weights != nil }
    var table = Table(
      caption: "The model after each stage"
        + (names.isEmpty ? "" : "; metrics with their standard errors, where these are known"),
      columns: [
        .init("Stage"), .init("Parameters", isNumber: true), .init("of the original", isNumber: true),
        .init("MACs", note: "multiply-accumulates a token", isNumber: true),
      ]
        + (tellsWeights ? [.init("Weights on disk", isNumber: true)] : [])
        + names.map { name in
          let lower = metrics.first { $0.name == name }?.lowerIsBetter
          return .init(name, note: lower.map { $0 ? "lower is better" : "higher is better" }, isNumber: true)
        })
    for row in text(files, rows).rows { table.add(row.map { .text($0) }) }
    return Page.Section(
      id: "results", title: "Sizes and metrics", content: outcome(files, rows) + [table.markup])
  }

  /// The model after each stage, for markdown and the page.
  static func text(_ files: RunFiles, _ rows: [Row]) -> TextTable {
    let names = Iteration.inOrder(rows.flatMap(\.metrics).map(\.name))
    let tellsWeights = rows.contains { $0.weights != nil }
    var table = TextTable(
      [.init("stage"), .init("parameters", .right), .init("of the original", .right), .init("MACs", .right)]
        + (tellsWeights ? [.init("weights on disk", .right)] : [])
        + names.map { .init($0, .right) })
    let original = originalParameters(files)
    for row in rows {
      table.add(
        [
          row.stage, row.parameters.map(HumanFormat.grouped) ?? "",
          RunTables.share(row.parameters, of: original).map(HumanFormat.percent) ?? "",
          row.macs.map(HumanFormat.grouped) ?? "",
        ] + (tellsWeights ? [row.weights?.words ?? ""] : [])
          + names.map { name in row.metrics.first { $0.name == name }.map(words) ?? "" })
    }
    return table
  }

  /// More metrics than this are read in the table.
  private static let mostMetrics = 12

  /// What the run came to, from the model as it came to the last that is known of it.
  private static func outcome(_ files: RunFiles, _ rows: [Row]) -> [Markup] {
    guard let last = rows.last else { return [] }
    var facts = FactList()
    func add(_ name: String, _ before: Int?, _ after: Int?) {
      guard let after else { return }
      let share = RunTables.share(after, of: before).map { ", \(HumanFormat.percent($0))" } ?? ""
      facts.add(
        name,
        before.map { "\(HumanFormat.grouped(after)) of \(HumanFormat.grouped($0))\(share)" }
          ?? HumanFormat.grouped(after))
    }
    add("Parameters", originalParameters(files), last.parameters)
    add("Multiply-accumulates a token", files.history.originalMacs, last.macs)
    if let saved = files.history.saved.last?.weights {
      facts.add("Weights on disk", change(files.history.originalWeights?.words, saved.words))
    }
    for name in Iteration.inOrder(rows.flatMap(\.metrics).map(\.name)).prefix(mostMetrics) {
      let values = rows.compactMap { row in row.metrics.first { $0.name == name } }
      guard let first = values.first, let last = values.last else { continue }
      let better = last.lowerIsBetter.map { $0 ? " (lower is better)" : " (higher is better)" } ?? ""
      facts.add(name, change(values.count > 1 ? words(first) : nil, words(last)) + better)
    }
    return [facts.markup] + files.history.saved.map(saved)
  }

  private static func change(_ before: String?, _ after: String) -> String {
    before.map { "\($0) → \(after)" } ?? after
  }

  private static func saved(_ model: History.Saved) -> Markup {
    .tag(
      "p",
      "Saved in \(model.directory)" + (model.weights.map { ": weights of \($0.words)" } ?? "") + "."
        + (model.leftBehind.isEmpty
          ? "" : " Left behind of the source: \(model.leftBehind.joined(separator: ", ")).")
    )
  }

  /// The value and its error with the decimals that the error's second digit has: `25.6 ± 1.9`.
  package static func words(_ metric: EvaluationRecord.Metric) -> String {
    let value = metric.value
    guard !value.isNaN else { return "not finite" }
    guard value.isFinite, let error = metric.standardError, error.isFinite, error > 0 else {
      return HumanFormat.measured(value)
    }
    var decimals = 0
    var scaled = error
    while scaled < 9.5, decimals < 8 {
      scaled *= 10
      decimals += 1
    }
    return "\(HumanFormat.fixed(value, decimals)) ± \(HumanFormat.fixed(error, decimals))"
  }

  /// Of the model as it came: noted by the run, or measured before anything was pruned.
  static func originalParameters(_ files: RunFiles) -> Int? {
    if let known = files.history.originalParameters { return known }
    guard let first = files.history.stages.first,
      !files.iterations.contains(where: { $0.stage == first.label })
    else { return nil }
    return first.parameters
  }

  package static func rows(_ files: RunFiles) -> [Row] {
    // Without an event log evaluations and iterations still tell the stages.
    let known = files.history.stages.map(\.label)
    let labels = Iteration.inOrder(known + files.iterations.map(\.stage) + files.evaluations.map(\.stage))
    var parameters = originalParameters(files)
    var macs = files.history.originalMacs
    var rows: [Row] = []
    let kinds = kinds(of: labels, files)
    let changes = kinds.indices.filter { ["prune", "transform", "train"].contains(kinds[$0]) }
    for (index, label) in labels.enumerated() {
      let evaluations = files.evaluations.filter { $0.stage == label }
      let last = files.iterations.last { $0.stage == label }
      let stage = files.history.stages.first { $0.label == label }
      parameters = evaluations.last?.parameters ?? last?.parameters ?? stage?.parameters ?? parameters
      macs = evaluations.last?.macs ?? last?.macs ?? macs
      rows.append(
        Row(
          stage: label, parameters: parameters, macs: macs, metrics: evaluations.flatMap(\.metrics),
          weights: files.history.saved.first { $0.stage == label }?.weights
            ?? (index == 0 && !changes.contains(0) ? files.history.originalWeights : nil),
          isFinal: kinds.contains("") ? nil : files.hasFinished && index >= changes.last ?? 0))
    }
    return rows
  }

  /// The kind of each execution's stage; empty where the manifest has no such stage.
  private static func kinds(of labels: [String], _ files: RunFiles) -> [String] {
    let stages = files.manifest.allStages
    return labels.map { label in
      let owner =
        stages.first { $0.name == label }
        ?? stages.first { $0.name == TrainingCurves.owner(of: label, among: stages.map(\.name)) }
      return owner?.kind ?? ""
    }
  }
}
