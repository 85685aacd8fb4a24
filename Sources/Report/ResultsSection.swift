import Wording

/// Size and quality of the model, stage by stage.
package enum ResultsSection {
  /// The model after one stage; what a stage doesn't tell is what held before.
  package struct Row: Equatable {
    package let stage: String
    package let parameters: Int?
    package let macs: Int?
    package let metrics: [Evaluation.Metric]
  }

  static func section(_ files: RunFiles) -> Page.Section {
    let rows = rows(files)
    guard !rows.isEmpty else { return Page.Section(id: "results", title: "Sizes and metrics", content: []) }
    let metrics = rows.flatMap(\.metrics)
    let names = Iteration.inOrder(metrics.map(\.name))
    var table = Table(
      caption: "The model after each stage"
        + (names.isEmpty ? "" : "; metrics with their standard errors, where these are known"),
      columns: [
        .init("Stage"), .init("Parameters", isNumber: true), .init("of the original", isNumber: true),
        .init("MACs", note: "multiply-accumulates a token", isNumber: true),
      ]
        + names.map { name in
          let lower = metrics.first { $0.name == name }?.lowerIsBetter
          return .init(name, note: lower.map { $0 ? "lower is better" : "higher is better" }, isNumber: true)
        })
    let original = originalParameters(files)
    for row in rows {
      let share = row.parameters.flatMap { parameters in
        original.flatMap { $0 > 0 ? HumanFormat.percent(Double(parameters) / Double($0)) : nil }
      }
      table.add(
        [
          .text(row.stage), .text(row.parameters.map(HumanFormat.grouped) ?? ""), .text(share ?? ""),
          .text(row.macs.map(HumanFormat.grouped) ?? ""),
        ] + names.map { name in .text(row.metrics.first { $0.name == name }.map(words) ?? "") })
    }
    return Page.Section(id: "results", title: "Sizes and metrics", content: [table.markup])
  }

  /// The value and its error with the decimals that the error's second digit has: `25.6 ± 1.9`.
  package static func words(_ metric: Evaluation.Metric) -> String {
    guard let value = metric.value, !value.isNaN else { return "not finite" }
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
    for label in labels {
      let evaluations = files.evaluations.filter { $0.stage == label }
      let last = files.iterations.last { $0.stage == label }
      let stage = files.history.stages.first { $0.label == label }
      parameters = evaluations.last?.parameters ?? last?.parameters ?? stage?.parameters ?? parameters
      macs = evaluations.last?.macs ?? last?.macs ?? macs
      rows.append(
        Row(stage: label, parameters: parameters, macs: macs, metrics: evaluations.flatMap(\.metrics)))
    }
    return rows
  }
}
