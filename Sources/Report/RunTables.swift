import JSON
import RunRecords
import Wording

/// A run as text: for a paper, a spreadsheet or a notebook.
enum RunTables {
  static func markdown(_ files: RecordedRun, title: String) -> String {
    let rows = ResultsSection.rows(files)
    let sizes = TextTable(rows, ResultsSection.columns(files, rows))
    let times = TextTable(
      files.history.stages,
      [
        .text("stage") { $0.label },
        .number("time") { $0.took.map { HumanFormat.duration(seconds: $0) } ?? "not finished" },
      ])
    return "# \(TextTable.oneLine(title))\n\n" + sizes.markdown
      + (files.history.stages.isEmpty ? "" : "\n" + times.markdown)
  }

  /// Returns runs with their methods' names as CSV: one row for each metric at each stage.
  static func csv(_ runs: [(method: String, run: ComparedRun)]) -> String {
    let columns = [
      "run", "method", "target", "seed", "stage", "is_final", "parameters", "share", "macs_per_token",
      "metric", "value", "standard_error", "lower_is_better",
    ]
    let rows = runs.flatMap { method, run in
      ResultsSection.rows(run.files).flatMap { row in
        row.metrics.map { metric -> [JSONValue] in
          [
            .string(run.folder), .string(method), run.target?.value ?? .null, .integer(run.seed),
            .string(row.stage), .optional(row.isFinal), .optional(row.parameters),
            .optional(ResultsSection.share(row.parameters, of: run.originalParameters)), .optional(row.macs),
            .string(metric.name), .cell(metric.value), .optional(metric.standardError),
            .optional(metric.lowerIsBetter),
          ]
        }
      }
    }
    return CSV.text(columns, rows)
  }

  static func json(_ run: ComparedRun) -> JSONValue {
    var object = runObject(run, method: run.method)
    object["manifest"] = run.files.manifest.document
    return .object(object)
  }

  static func runObject(_ run: ComparedRun, method: String) -> JSONObject {
    let history = run.files.history
    return [
      "run": .string(run.folder), "method": .string(method), "target": run.target?.json ?? .null,
      "seed": .integer(run.seed), "state": .optional(run.files.run.state?.rawValue),
      "parameters": .optional(run.parameters), "original_parameters": .optional(run.originalParameters),
      "share": .optional(run.share), "macs_per_token": .optional(run.macs),
      "seconds": .optional(run.seconds), "seconds_spared": .optional(run.secondsSpared),
      "peak_memory_bytes": .optional(history.peakMemoryBytes),
      "original_weights": history.start?.weights.map(json) ?? .null,
      "saved": .array(history.saved.map(json)),
      "stages": .array(ResultsSection.rows(run.files).map(json)), "layers": .array(layers(run.files)),
    ]
  }

  private static func json(_ row: ResultsSection.Row) -> JSONValue {
    let metrics = row.metrics.map { metric -> JSONValue in
      [
        "name": .string(metric.name), "value": .optional(metric.value),
        "standard_error": .optional(metric.standardError), "lower_is_better": .optional(metric.lowerIsBetter),
      ]
    }
    var stage: JSONObject = [
      "stage": .string(row.stage), "is_final": .optional(row.isFinal),
      "parameters": .optional(row.parameters), "macs_per_token": .optional(row.macs),
      "metrics": .array(metrics),
    ]
    // As in metrics.json.
    let infinite = row.metrics.filter { $0.value.isInfinite }
    if !infinite.isEmpty { stage["infinite"] = .array(infinite.map { .string($0.name) }) }
    return .object(stage)
  }

  /// What the run left of each layer, and the layer's statistics before the first cut.
  private static func layers(_ files: RecordedRun) -> [JSONValue] {
    let first = files.iterations.first
    let families = files.iterations.flatMap(\.familyNames).unique
    return files.kept.enumerated().map { layer, kept in
      let units = families.compactMap { family in
        kept[family].map { units -> (String, JSONValue) in
          (family, ["original_count": .integer(units.original), "kept": .integer(units.kept)])
        }
      }
      let statistics = (first?.statisticNames ?? []).map { name -> (String, JSONValue) in
        (name, .optional(first?.means(of: name)[safe: layer] ?? nil))
      }
      return ["families": .object(JSONObject(units)), "statistics": .object(JSONObject(statistics))]
    }
  }

  private static func json(_ weights: WeightsOnDisk) -> JSONValue {
    ["bytes": .integer(weights.bytes), "type": .string(weights.type)]
  }

  private static func json(_ saved: Named<SavedModelRecord>) -> JSONValue {
    [
      "stage": .string(saved.name), "directory": .optional(saved.value.directory),
      "weights": saved.value.weights.map(json) ?? .null,
      "left_behind": .array(saved.value.leftBehind.map { .string($0.words) }),
    ]
  }
}
