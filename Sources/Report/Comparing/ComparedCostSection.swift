import RunRecords
import Wording

/// What each method took, and what working side by side has saved.
enum ComparedCostSection {
  static func section(_ comparison: Comparison, _ tables: ComparisonTables) -> Page.Section {
    var content: [Markup] = (comparison.record.savings?.sentences ?? []).map { .tag("p", sentence($0)) }
    let rows = tables.costs.rows
    if !rows.isEmpty {
      var table = Table(
        caption:
          "Time and memory of the runs; “spared” is what work that was done once for several runs had taken",
        columns: [
          .init("Method"), .init("Target", isNumber: true), .init("Time", isNumber: true),
          .init("Spared", isNumber: true), .init("Memory at most", isNumber: true),
        ])
      for row in rows { table.add(row.map { .text($0) }) }
      content.append(table.markup)
    }
    return Page.Section(id: "cost", title: "Time and memory", content: content)
  }

  private static func sentence(_ words: String) -> String {
    words.prefix(1).uppercased() + words.dropFirst() + "."
  }
}

/// The runs themselves: where each is, and what it came to by itself.
enum ComparedRunsSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    let measurements = comparison.measurements
    var table = Table(
      caption: "The runs, each in a folder of its own",
      columns: [
        .init("Run"), .init("Method"), .init("Target", isNumber: true), .init("Seed", isNumber: true),
        .init("Parameters", isNumber: true),
      ] + measurements.map { .init(comparison.name(of: $0), isNumber: true) } + [.init("Ended")])
    for setting in comparison.settings {
      for run in setting.runs {
        table.add(
          [
            .text(run.folder), .text(setting.method), .text(setting.target?.label ?? ""),
            .text("\(run.seed)"),
            .text(run.parameters.map(HumanFormat.grouped) ?? ""),
          ]
            + measurements.map { .text(run.after[$0].map { ResultsSection.words($0.metric) } ?? "") } + [
              .text(run.files.run.state?.rawValue ?? "unknown")
            ])
      }
    }
    return Page.Section(id: "runs", title: "Runs", content: [table.markup])
  }
}
