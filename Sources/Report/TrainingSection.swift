import RunRecords
import Wording

/// The curves of training. All rounds of a stage share one axis.
enum TrainingSection {
  static func section(_ files: RecordedRun) -> Page.Section {
    let stages = TrainingCurves.of(files.history.steps, stages: files.manifest.allStages.map(\.name))
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
    [
      chart(
        of: stage, "Loss", "loss", \.loss, unit: "nats a target",
        note: "Cross-entropy with the text, over the tokens that are targets."),
      chart(
        of: stage, "Divergence from the teacher", "divergence", \.divergence, unit: "nats a target",
        note: "T² · KL of the two distributions at temperature T."),
      chart(
        of: stage, "Learning rate", "learning rate", \.learningRate, note: "As the schedule gives it.",
        smooth: false),
      chart(of: stage, "Gradient norm", "norm", \.gradientNorm, note: "Before clipping."),
    ].compactMap(\.self)
  }

  private static func chart(
    of stage: TrainingCurves, _ title: String, _ name: String,
    _ value: KeyPath<TrainingStepRecord, Double?>, unit: String? = nil, note: String, smooth: Bool = true
  ) -> Markup? {
    let rounds = stage.rounds.map { round in
      round.steps.compactMap { step in
        step[keyPath: value].map { LineChart.Point(Double(step.number), $0) }
      }
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
      points.first.map { ($0.x, round.label) }
    }
    return LineChart.markup(
      title: title, note: sentences.joined(separator: " "), xName: "step", yName: name, yUnit: unit,
      series: series, markers: starts.count > 1 ? starts : [])
  }

  private static func table(of stage: TrainingCurves) -> Markup {
    typealias Column = Report.Column<TrainingCurves.Round>
    /// The means of a value over the first and the last tenth of a round's steps.
    func ends(_ name: String, _ value: KeyPath<TrainingStepRecord, Double?>) -> [Column] {
      func mean(_ round: TrainingCurves.Round, _ part: ([Double], Int) -> ArraySlice<Double>) -> String? {
        let values = round.steps.compactMap { $0[keyPath: value] }
        return values.isEmpty ? nil : HumanFormat.measured(part(values, max(1, values.count / 10)).mean)
      }
      return [
        .number("\(name) at first") { mean($0) { $0.prefix($1) } },
        .number("\(name) at last") { mean($0) { $0.suffix($1) } },
      ]
    }
    let hasTeacher = stage.steps.contains { $0.divergence != nil }
    let columns: [Column] = [
      .text("Round") { $0.label }, .number("Steps") { HumanFormat.grouped($0.steps.count) },
      .number("Tokens") { HumanFormat.grouped(total($0.steps.compactMap(\.tokens))) },
    ]
    let speed = Column.number("Tokens a second", note: "median") { round in
      let speeds = round.steps.compactMap(\.tokensPerSecond).filter(\.isFinite).sorted()
      return speeds.isEmpty ? nil : words(speeds[speeds.count / 2])
    }
    return .table(
      "Training by round: means over each round's first and last tenth of steps", stage.rounds,
      columns + ends("Loss", \.loss) + (hasTeacher ? ends("Divergence", \.divergence) : []) + [speed])
  }

  /// `43.2`, `12,346`.
  private static func words(_ speed: Double) -> String {
    guard speed >= 1000, let whole = Int(exactly: speed.rounded()) else { return HumanFormat.measured(speed) }
    return HumanFormat.grouped(whole)
  }

  private static func total(_ counts: [Int]) -> Int {
    counts.reduce(0) { sum, count in
      let (total, overflow) = sum.addingReportingOverflow(count)
      return overflow ? .max : total
    }
  }
}
