import RunRecords
import Wording

/// What runs, evaluations and models look like on a terminal.
public enum ResultText {
  /// One row a metric.
  public static func metrics(_ records: [EvaluationRecord]) -> String {
    var table = TextTable([
      .init("metric"), .init("value", .right), .init("± standard error", .right), .init("better"),
    ])
    for metric in records.flatMap(\.metrics) {
      table.add([
        metric.name, HumanFormat.measured(metric.value), error(of: metric),
        metric.lowerIsBetter == false ? "higher" : "lower",
      ])
    }
    return table.plain
  }

  /// How a run went: sizes before and after, every metric at every stage, where the models are.
  public static func description(of run: RunSummary) -> String {
    var sizes = TextTable([
      .init(""), .init("original", .right), .init("now", .right), .init("share", .right),
    ])
    sizes.add(row("parameters", run.original.parameters, run.final.parameters))
    sizes.add(row("multiply-accumulates a token", run.original.macs, run.final.macs))
    if let original = run.original.weights, let now = run.final.weights {
      sizes.add([
        "weights on disk", original.words, now.words,
        original.bytes > 0 ? HumanFormat.percent(Double(now.bytes) / Double(original.bytes)) : "",
      ])
    }
    var text = sizes.plain
    if run.evaluations.contains(where: { !$0.metrics.isEmpty }) {
      text += "\n" + metricsByStage(run.evaluations)
    }
    text += "\n"
    for model in run.savedModels {
      text += "model   \(model.path) (\(HumanFormat.count(model.parameters)) parameters, "
      text += "\(HumanFormat.bytes(model.bytes))\(model.weights.map { ", \($0.type)" } ?? ""))\n"
      if !model.leftBehind.isEmpty {
        text += "        left behind of the source: \(LeftBehind.words(model.leftBehind))\n"
      }
    }
    text += "run     \(run.folder)\n"
    text += "took    \(HumanFormat.duration(seconds: run.seconds))"
    return text + ", at most \(HumanFormat.bytes(run.peakMemoryBytes)) of memory\n"
  }

  private static func row(_ title: String, _ original: Int, _ now: Int) -> [String] {
    let share = original > 0 ? HumanFormat.percent(Double(now) / Double(original)) : ""
    return [title, HumanFormat.grouped(original), HumanFormat.grouped(now), share]
  }

  private static func metricsByStage(_ records: [EvaluationRecord]) -> String {
    var table = TextTable([
      .init("stage"), .init("parameters", .right), .init("metric"), .init("value", .right),
      .init("± standard error", .right),
    ])
    for record in records {
      for metric in record.metrics {
        table.add([
          record.stage, record.parameters.map(HumanFormat.count) ?? "", metric.name,
          HumanFormat.measured(metric.value),
          error(of: metric),
        ])
      }
    }
    return table.plain
  }

  private static func error(of metric: EvaluationRecord.Metric) -> String {
    metric.standardError.map(HumanFormat.measured) ?? ""
  }

  /// A model, layers that are alike in one row.
  public static func description(of model: ModelReport) -> String {
    let bytes = model.storage.reduce(0) { $0 + $1.bytes }
    let types = model.storage.map { "\($0.type) \(HumanFormat.bytes($0.bytes))" }.joined(separator: ", ")
    let facts = [
      ("model", "\(model.path) (\(model.format))"),
      ("architecture", model.architecture),
      ("parameters", "\(HumanFormat.grouped(model.parameters)) (\(HumanFormat.count(model.parameters)))"),
      ("multiply-accumulates a token", HumanFormat.grouped(model.macs)),
      ("weights", "\(HumanFormat.bytes(bytes)): \(types)"),
      (
        "hidden size",
        "\(model.hiddenSize)"
          + (model.headWidth.map { "; the residual stream has \($0) before the head" } ?? "")
      ),
      (
        "vocabulary", "\(model.vocabularySize)" + (model.tiesEmbeddings ? ", embedding tied to the head" : "")
      ),
      ("layers", "\(model.layers.count)"),
    ]
    var summary = TextTable([.init(""), .init("")])
    for (name, value) in facts { summary.add([name, value]) }
    // The headings are empty: no line for them.
    let text = summary.plain.drop { $0 == "\n" }

    let isSliced = model.layers.contains { !$0.streamWidths.isEmpty }
    var table = TextTable(
      [
        .init("layer"), .init("query heads", .right), .init("KV heads", .right),
        .init("head dimension", .right), .init("MLP channels", .right), .init("parameters", .right),
      ] + (isSliced ? [.init("residual stream, before attention and MLP", .right)] : []))
    var start = 0
    while start < model.layers.count {
      let layer = model.layers[start]
      let end = model.layers[start...].firstIndex { $0 != layer } ?? model.layers.count
      table.add(
        [
          end - start == 1 ? "\(start)" : "\(start)-\(end - 1)", "\(layer.queryHeads)",
          "\(layer.keyValueHeads)",
          "\(layer.headDimension)", "\(layer.mlpChannels)", HumanFormat.grouped(layer.parameters),
        ] + (isSliced ? [layer.streamWidths.map { "\($0)" }.joined(separator: ", ")] : []))
      start = end
    }
    return text + "\n" + table.plain
  }
}
