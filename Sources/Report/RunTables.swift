import JSON
import RunRecords
import Wording

/// A run as text: for a paper, a spreadsheet or a notebook.
enum RunTables {
  static func text(_ files: RunFiles, folder: String, as format: ReportFormat) -> String {
    switch format {
    case .html: RunReport.page(files, folder: folder).html
    case .markdown: markdown(files, folder: folder)
    case .csv: csv(files, folder: folder)
    case .json: json(files, folder: folder).pretty
    }
  }

  private static func markdown(_ files: RunFiles, folder: String) -> String {
    let sizes = ResultsSection.text(files, ResultsSection.rows(files))
    var times = TextTable([.init("stage"), .init("time", .right)])
    for stage in files.history.stages {
      times.add([stage.label, stage.took.map { HumanFormat.duration(seconds: $0) } ?? "not finished"])
    }
    return "# \(TextTable.oneLine(RunReport.title(files, folder: folder)))\n\n" + sizes.markdown
      + (files.history.stages.isEmpty ? "" : "\n" + times.markdown)
  }

  static func share(_ parameters: Int?, of original: Int?) -> Double? {
    guard let parameters, let original, original > 0 else { return nil }
    return Double(parameters) / Double(original)
  }

  static let columns = [
    "run", "method", "target", "seed", "stage", "is_final", "parameters", "share", "macs_per_token", "metric",
    "value",
    "standard_error", "lower_is_better",
  ]

  private static func csv(_ files: RunFiles, folder: String) -> String {
    var table = DataTable(columns)
    add(ComparedRun(folder: folder, files: files), to: &table)
    return table.csv
  }

  /// One row for each metric at each stage.
  static func add(_ run: ComparedRun, method: String? = nil, to table: inout DataTable) {
    for row in ResultsSection.rows(run.files) {
      for metric in row.metrics {
        table.add([
          .string(run.folder), .string(method ?? run.method), run.target?.value ?? .null,
          .integer(run.seed), .string(row.stage), .optional(row.isFinal), .optional(row.parameters),
          .optional(share(row.parameters, of: run.originalParameters)), .optional(row.macs),
          .string(metric.name), .cell(metric.value), .optional(metric.standardError),
          .optional(metric.lowerIsBetter),
        ])
      }
    }
  }

  private static func json(_ files: RunFiles, folder: String) -> JSONValue {
    var object = runObject(ComparedRun(folder: folder, files: files))
    object["manifest"] = files.manifest.document
    return .object(object)
  }

  static func runObject(_ run: ComparedRun, method: String? = nil) -> JSONObject {
    [
      "run": .string(run.folder), "method": .string(method ?? run.method),
      "target": run.target?.json ?? .null, "seed": .integer(run.seed),
      "state": .optional(run.files.run.state?.rawValue), "parameters": .optional(run.parameters),
      "original_parameters": .optional(run.originalParameters), "share": .optional(run.share),
      "macs_per_token": .optional(run.macs), "seconds": .optional(run.seconds),
      "seconds_spared": .optional(run.secondsSpared),
      "peak_memory_bytes": .optional(run.files.history.peakMemoryBytes),
      "original_weights": run.files.history.originalWeights.map(json) ?? .null,
      "saved": .array(run.files.history.saved.map(json)),
      "stages": .array(
        ResultsSection.rows(run.files).map { row in
          var stage: JSONObject = [
            "stage": .string(row.stage), "is_final": .optional(row.isFinal),
            "parameters": .optional(row.parameters),
            "macs_per_token": .optional(row.macs), "metrics": .array(row.metrics.map(json)),
          ]
          // As in metrics.json.
          let infinite = row.metrics.filter { $0.value.isInfinite }
          if !infinite.isEmpty { stage["infinite"] = .array(infinite.map { .string($0.name) }) }
          return .object(stage)
        }),
      "layers": .array(layers(run.files)),
    ]
  }

  /// Of each layer what the run left of it, and its statistics before the first cut.
  private static func layers(_ files: RunFiles) -> [JSONValue] {
    let first = files.iterations.first
    let families = Iteration.inOrder(files.iterations.flatMap(\.familyNames))
    return files.kept.enumerated().map { layer, kept in
      let units = families.compactMap { family in
        kept[family].map { units -> (String, JSONValue) in
          (family, ["original_count": .integer(units.original), "kept": .integer(units.kept)])
        }
      }
      let statistics = (first?.statisticNames ?? []).map { name -> (String, JSONValue) in
        let values = first?.statistics ?? []
        return (name, .optional(values.indices.contains(layer) ? values[layer][name] : nil))
      }
      return ["families": .object(JSONObject(units)), "statistics": .object(JSONObject(statistics))]
    }
  }

  private static func json(_ weights: WeightsOnDisk) -> JSONValue {
    ["bytes": .integer(weights.bytes), "type": .string(weights.type)]
  }

  private static func json(_ model: History.Saved) -> JSONValue {
    [
      "stage": .string(model.stage), "directory": .string(model.directory),
      "weights": model.weights.map(json) ?? .null,
      "left_behind": .array(model.leftBehind.map { .string($0) }),
    ]
  }

  private static func json(_ metric: EvaluationRecord.Metric) -> JSONValue {
    [
      "name": .string(metric.name), "value": .optional(metric.value),
      "standard_error": .optional(metric.standardError), "lower_is_better": .optional(metric.lowerIsBetter),
    ]
  }
}
