import RunRecords
import Wording

/// Runs, evaluations and models as text for a terminal.
public enum ResultText {
  /// Returns a table with one row a metric.
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

  /// Describes a run: sizes before and after, the metrics of every stage, the saved models.
  public static func description(of run: RunSummary) -> String {
    var sizes = TextTable([
      .init(""), .init("original", .right), .init("now", .right), .init("share", .right),
    ])
    sizes.add(row("parameters", run.original.parameters, run.final.parameters))
    sizes.add(row("multiply-accumulates a token", run.original.macs, run.final.macs))
    if let original = run.original.weights, let now = run.final.weights {
      sizes.add(["weights on disk", original.words, now.words, share(now.bytes, of: original.bytes)])
    }
    var text = sizes.plain
    if run.evaluations.contains(where: { !$0.metrics.isEmpty }) {
      text += "\n" + metricsByStage(run.evaluations)
    }
    text += "\n"
    for model in run.savedModels {
      text += "model   \(run.path(of: model)) (\(HumanFormat.count(model.parameters ?? 0)) parameters, "
      text += "\(HumanFormat.bytes(model.bytes ?? 0))\(model.weights.map { ", \($0.type)" } ?? ""))\n"
      if !model.leftBehind.isEmpty {
        text += "        left behind of the source: \(LeftBehind.words(model.leftBehind))\n"
      }
    }
    text += "run     \(run.folder)\n"
    text += "took    \(HumanFormat.duration(seconds: run.seconds))"
    return text + ", at most \(HumanFormat.bytes(run.peakMemoryBytes)) of memory\n"
  }

  private static func row(_ title: String, _ original: Int, _ now: Int) -> [String] {
    [title, HumanFormat.grouped(original), HumanFormat.grouped(now), share(now, of: original)]
  }

  private static func share(_ now: Int, of original: Int) -> String {
    original > 0 ? HumanFormat.percent(Double(now) / Double(original)) : ""
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
          HumanFormat.measured(metric.value), error(of: metric),
        ])
      }
    }
    return table.plain
  }

  private static func error(of metric: EvaluationRecord.Metric) -> String {
    metric.standardError.map(HumanFormat.measured) ?? ""
  }

  /// Describes a model. Equal layers in succession share a row.
  public static func description(of model: ModelReport) -> String {
    let configuration = model.configuration
    let bytes = model.storage.reduce(0) { $0 + $1.bytes }
    let types = model.storage.map { "\($0.type) \(HumanFormat.bytes($0.bytes))" }.joined(separator: ", ")
    let headWidth = configuration.residualWidths.map {
      "; the residual stream has \($0.head) before the head"
    }
    let tie = configuration.tiedEmbeddings ? ", embedding tied to the head" : ""
    var summary = TextTable([.init(""), .init("")])
    summary.add(["model", "\(model.path) (\(model.format))"])
    summary.add(["architecture", configuration.architecture.rawValue])
    summary.add([
      "parameters", "\(HumanFormat.grouped(model.parameters)) (\(HumanFormat.count(model.parameters)))",
    ])
    summary.add(["multiply-accumulates a token", HumanFormat.grouped(model.macs)])
    summary.add(["weights", "\(HumanFormat.bytes(bytes)): \(types)"])
    summary.add(["hidden size", "\(configuration.hiddenSize)" + (headWidth ?? "")])
    summary.add(["vocabulary", "\(configuration.vocabularySize)" + tie])
    summary.add(["layers", "\(model.layers.count)"])
    // The table has no headings, so its first line is empty.
    let text = summary.plain.drop { $0 == "\n" }

    let isSliced = configuration.residualWidths != nil
    var table = TextTable(
      [
        .init("layer"), .init("query heads", .right), .init("KV heads", .right),
        .init("head dimension", .right), .init("MLP channels", .right), .init("parameters", .right),
      ] + (isSliced ? [.init("residual stream, before attention and MLP", .right)] : []))
    let rows = model.layers.map { layer in
      [
        "\(layer.queryHeads)", "\(layer.keyValueHeads)", "\(layer.headDimension)", "\(layer.intermediate)",
        HumanFormat.grouped(layer.parameters),
      ] + (layer.sliced.map { ["\($0.input), \($0.middle)"] } ?? [])
    }
    var start = 0
    while start < rows.count {
      let end = rows[start...].firstIndex { $0 != rows[start] } ?? rows.count
      table.add([end - start == 1 ? "\(start)" : "\(start)-\(end - 1)"] + rows[start])
      start = end
    }
    return text + "\n" + table.plain
  }
}
