import RunRecords
import Wording

/// The curves of training, all rounds of a stage on one axis.
enum TrainingSection {
  static func section(_ files: RunFiles) -> Page.Section {
    let names = files.manifest.allStages.map(\.name)
    let stages = TrainingCurves.of(files.history.steps, stages: names)
    return Page.Section(
      id: "training", title: "Training",
      content: stages.flatMap { stage -> [Markup] in
        [
          .tag("h3", "Stage \(stage.stage)"), .tag("div", ["class": "plots"], charts(of: stage)),
          table(of: stage),
        ]
      })
  }

  private static func charts(of stage: TrainingCurves) -> [Markup] {
    let charts = [
      chart(
        of: stage, "Loss", "loss", unit: "nats a target",
        note: "Cross-entropy with the text, over the tokens that are targets."
      ) { $0.loss },
      chart(
        of: stage, "Divergence from the teacher", "divergence", unit: "nats a target",
        note: "T² · KL of the two distributions at temperature T."
      ) { $0.divergence },
      chart(
        of: stage, "Learning rate", "learning rate", unit: nil, note: "As the schedule gives it.",
        smooth: false
      ) { $0.learningRate },
      chart(of: stage, "Gradient norm", "norm", unit: nil, note: "Before clipping.") { $0.gradientNorm },
    ]
    return charts.compactMap(\.self)
  }

  private static func chart(
    of stage: TrainingCurves, _ title: String, _ name: String, unit: String?, note: String,
    smooth: Bool = true,
    value: (TrainingStepRecord) -> Double?
  ) -> Markup? {
    let rounds = stage.rounds.map { round in
      round.steps.compactMap { step in value(step).map { LineChart.Point(Double(step.number), $0) } }
    }
    let values = rounds.joined()
    guard !values.isEmpty else { return nil }
    var sentences = [note]
    var series = [LineChart.Series(name, smooth ? .raw : .mean, rounds)]
    let window = TrainingCurves.window(for: values.count)
    if smooth, window > 1 {
      series.append(
        LineChart.Series(
          "mean of \(window) steps", .mean,
          rounds.map { points in
            let means = TrainingCurves.runningMean(points.map(\.y), window: window)
            return zip(points, means).map { LineChart.Point($0.x, $1) }
          }))
      if rounds.count > 1 { sentences.append("The mean starts anew in each round.") }
    }
    let odd = values.count { !$0.y.isFinite }
    if odd > 0 { sentences.append("Not finite, and so not drawn, in \(odd) of \(values.count) steps.") }
    let starts = zip(stage.rounds, rounds).compactMap { round, points in
      points.first.map { LineChart.Marker($0.x, round.label) }
    }
    return LineChart(
      title: title, note: sentences.joined(separator: " "), xName: "step",
      yName: name, yUnit: unit, series: series, markers: starts.count > 1 ? starts : []
    ).markup
  }

  private static func table(of stage: TrainingCurves) -> Markup {
    let hasTeacher = stage.steps.contains { $0.divergence != nil }
    var table = Table(
      caption: "Training by round: means over each round's first and last tenth of steps",
      columns: [
        .init("Round"), .init("Steps", isNumber: true), .init("Tokens", isNumber: true),
        .init("Loss at first", isNumber: true), .init("Loss at last", isNumber: true),
      ]
        + (hasTeacher
          ? [.init("Divergence at first", isNumber: true), .init("Divergence at last", isNumber: true)] : [])
        + [.init("Tokens a second", note: "median", isNumber: true)])
    for round in stage.rounds {
      var cells: [Markup] = [
        .text(round.label), .text(HumanFormat.grouped(round.steps.count)),
        .text(HumanFormat.grouped(total(round.steps.compactMap(\.tokens)))),
      ]
      cells += ends(round.steps.compactMap(\.loss))
      if hasTeacher { cells += ends(round.steps.compactMap(\.divergence)) }
      let speeds = round.steps.compactMap(\.tokensPerSecond).filter(\.isFinite).sorted()
      cells.append(.text(speeds.isEmpty ? "" : speed(speeds[speeds.count / 2])))
      table.add(cells)
    }
    return table.markup
  }

  /// `43.2`, `12,346`.
  private static func speed(_ value: Double) -> String {
    guard value >= 1000, let whole = Int(exactly: value.rounded()) else { return HumanFormat.measured(value) }
    return HumanFormat.grouped(whole)
  }

  private static func total(_ counts: [Int]) -> Int {
    counts.reduce(0) { sum, count in
      let (total, overflow) = sum.addingReportingOverflow(count)
      return overflow ? .max : total
    }
  }

  private static func ends(_ values: [Double]) -> [Markup] {
    let tenth = max(1, values.count / 10)
    return [values.prefix(tenth), values.suffix(tenth)].map { part in
      let mean = part.isEmpty ? Double.nan : part.reduce(0, +) / Double(part.count)
      return .text(part.isEmpty ? "" : HumanFormat.measured(mean))
    }
  }
}
