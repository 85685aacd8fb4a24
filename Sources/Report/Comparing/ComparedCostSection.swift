import RunRecords
import Wording

/// What each method took, and what the comparison saved by sharing work.
enum ComparedCostSection {
  static func section(_ comparison: Comparison, _ tables: ComparisonTables) -> Page.Section {
    let sentences = comparison.record.savings?.sentences ?? []
    let settings = comparison.settings.filter { !$0.runs.isEmpty }
    let caption =
      "Time and memory of the runs; “spared” is what work that was done once for several runs had taken"
    return Page.Section(
      id: "cost", title: "Time and memory",
      content: sentences.map { .tag("p", $0.sentence) }
        + Markup.tables(caption, settings, tables.costs))
  }
}

/// The runs themselves: the folder of each, and its results.
enum ComparedRunsSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    typealias Row = (setting: Comparison.Setting, run: ComparedRun)
    let rows = comparison.settings.flatMap { setting in setting.runs.map { Row(setting, $0) } }
    let columns: [Column<Row>] = [
      .text("Run") { $0.run.folder }, .text("Method") { $0.setting.method },
      .number("Target") { $0.setting.target?.label }, .number("Seed") { "\($0.run.seed)" },
      .number("Parameters") { $0.run.parameters.map(HumanFormat.grouped) },
    ]
    let measurements = comparison.measurements.map { measurement -> Column<Row> in
      let name = comparison.name(of: measurement)
      return .number(name, title: name) { $0.run.after[measurement].map { ResultsSection.words($0.metric) } }
    }
    let table = Markup.table(
      "The runs, each in a folder of its own", rows,
      columns + measurements + [.text("Ended") { $0.run.files.run.state?.rawValue ?? "unknown" }])
    return Page.Section(id: "runs", title: "Runs", content: [table])
  }
}

extension ComparisonRecord.Savings {
  /// What the comparison saved, in a sentence or two.
  var sentences: [String] {
    func passes(_ count: Int) -> String { count == 1 ? "1 calibration pass" : "\(count) calibration passes" }
    var shared: [String] = []
    if passesSpared > 0 {
      shared.append("\(passes(passesMade)) over the unpruned model in place of \(passesSpared)")
    }
    if evaluationsSpared > 0 {
      shared.append(
        "the unpruned model measured \(evaluationsMade == 1 ? "once" : "\(evaluationsMade) times") in place of "
          + "\(evaluationsSpared)")
    }
    guard !shared.isEmpty, let ratio else { return ["shared: nothing; the runs have no work in common"] }
    let saved = HumanFormat.duration(seconds: max(0, secondsSingly - seconds))
    return [
      "shared: \(shared.joined(separator: ", ")): about \(saved) saved of "
        + "\(HumanFormat.duration(seconds: secondsSingly))",
      "the comparison took \(HumanFormat.fixed(ratio, 2)) of the time of its runs one by one "
        + "(\(HumanFormat.duration(seconds: seconds)); samples are not counted)",
    ]
  }
}
