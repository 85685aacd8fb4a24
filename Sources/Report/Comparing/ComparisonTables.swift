import JSON
import RunRecords
import Wording

/// The tables of a comparison, for the page, a terminal and papers.
package struct ComparisonTables {
  let comparison: Comparison

  package init(_ comparison: Comparison) { self.comparison = comparison }

  // MARK: - Results

  /// Returns the value of a metric. One run has its standard error: `25.6 ± 1.9`. Several have their mean and, unless
  /// they agree, their range: `46.9 (45.2–48.1)`.
  package static func words(_ values: [EvaluationRecord.Metric]) -> String {
    guard let first = values.first else { return "" }
    guard values.count > 1 else { return ResultsSection.words(first) }
    let numbers = values.map(\.value)
    guard !numbers.contains(where: \.isNaN), let low = numbers.min(), let high = numbers.max() else {
      return "not finite"
    }
    let mean = HumanFormat.measured(numbers.mean)
    return low == high ? mean : "\(mean) (\(HumanFormat.measured(low))–\(HumanFormat.measured(high)))"
  }

  private func parameters(_ setting: Comparison.Setting) -> String {
    let known =
      setting.isOfUnprunedModel
      ? Array(comparison.runs.compactMap(\.originalParameters).prefix(1))
      : setting.runs.compactMap(\.parameters)
    return Self.span(known, HumanFormat.grouped)
  }

  /// Of the unpruned model, or of the models that the runs saved last.
  private func weights(_ setting: Comparison.Setting) -> String {
    let known =
      setting.isOfUnprunedModel
      ? Array(comparison.runs.compactMap { $0.files.history.start?.weights }.prefix(1))
      : setting.runs.compactMap { $0.files.history.saved.last?.value.weights }
    return known.map(\.words).unique.joined(separator: "; ")
  }

  private static func span<Value: Comparable>(_ values: [Value], _ words: (Value) -> String) -> String {
    guard let low = values.min(), let high = values.max() else { return "" }
    let (first, last) = (words(low), words(high))
    return first == last ? first : "\(first)–\(last)"
  }

  private static var setting: [Column<Comparison.Setting>] {
    [
      .text("method") { ShownText.oneLine($0.method) },
      .number("target") { $0.target.map { ShownText.oneLine($0.label) } },
    ]
  }

  var results: [Column<Comparison.Setting>] {
    let hasWeights = comparison.settings.contains { !weights($0).isEmpty }
    let sizes: [Column<Comparison.Setting>] = [
      .number("parameters") { parameters($0) },
      .number("share", title: "of the dense") { $0.share.map { HumanFormat.fixed($0 * 100, 2) + "%" } },
    ]
    return Self.setting + sizes
      + (hasWeights ? [.number("weights on disk") { ShownText.oneLine(weights($0)) }] : [])
      + (comparison.severalSeeds ? [.number("seeds") { "\(max(1, $0.runs.count))" }] : [])
      + comparison.measurements.map { measurement in
        let name = comparison.name(of: measurement)
        let direction = comparison.lowerIsBetter(measurement).map(ResultsSection.direction)
        return .number(name, title: name, note: direction) { Self.words($0.metrics(measurement)) }
      }
  }

  // MARK: - Pairs

  /// `+0.035`, `+0.007 to +0.054`.
  package static func words(_ difference: PairedDifference) -> (mean: String, interval: String) {
    guard let decimals = decimals(difference) else {
      return (signed(difference.mean), "\(signed(difference.low)) to \(signed(difference.high))")
    }
    // An interval without zero must not seem to touch it.
    func end(_ value: Double) -> String {
      guard difference.isSignificant else { return signed(value, decimals) }
      return signed(value, max(decimals, Self.decimals { value.magnitude * $0 >= 0.5 }))
    }
    return (signed(difference.mean, decimals), "\(end(difference.low)) to \(end(difference.high))")
  }

  /// Returns the decimals up to the second digit of the interval's width; nil if it has no width.
  static func decimals(_ difference: PairedDifference) -> Int? {
    let width = difference.high - difference.low
    return width > 0 ? decimals { width * $0 >= 9.5 } : nil
  }

  /// Returns the least number of decimals for which ten to its power is enough, 8 at most.
  static func decimals(_ isEnough: (Double) -> Bool) -> Int {
    var decimals = 0
    var scale = 1.0
    while !isEnough(scale), decimals < 8 {
      scale *= 10
      decimals += 1
    }
    return decimals
  }

  static func signed(_ value: Double, _ decimals: Int) -> String {
    let text = HumanFormat.fixed(value, decimals)
    // Zero has no sign.
    guard text.contains(where: { ("1"..."9").contains($0) }) else { return text.replacing("-", with: "") }
    return (value > 0 ? "+" : "") + text
  }

  private static func signed(_ value: Double) -> String {
    (value > 0 ? "+" : "") + HumanFormat.measured(value)
  }

  /// Mean, interval, items and verdict.
  /// - Parameter mean: the heading of the means.
  static func verdict(_ mean: Column<Comparison.Pair>) -> [Column<Comparison.Pair>] {
    [
      mean, .number("95% interval") { $0.difference.map { words($0).interval } },
      .number("items") { $0.difference.map { HumanFormat.grouped($0.items) } },
      .markup("verdict") {
        $0.difference?.isSignificant == true ? .tag("strong", $0.verdict) : .text($0.verdict)
      },
    ]
  }

  private var differences: TextTable {
    TextTable(
      comparison.pairs,
      [
        .text("metric") { comparison.name(of: $0.measurement) }, .number("target") { $0.first.target?.label },
        .text("first") { $0.first.method }, .text("second") { $0.second.method },
      ] + Self.verdict(.number("first − second") { $0.difference.map { Self.words($0).mean } }))
  }

  // MARK: - Cost

  var costs: [Column<Comparison.Setting>] {
    func time(_ seconds: [Double]) -> String { Self.span(seconds) { HumanFormat.duration(seconds: $0) } }
    return Self.setting + [
      .number("time") { time($0.runs.map(\.seconds)) },
      .number("spared") { time($0.runs.map(\.secondsSpared).filter { $0 > 0 }) },
      .number("memory at most") {
        $0.runs.compactMap(\.files.history.peakMemoryBytes).max().map(HumanFormat.bytes)
      },
    ]
  }

  // MARK: - All of it

  /// For a terminal.
  var terminal: String {
    var text = TextTable(comparison.settings, results).plain
    if !comparison.pairs.isEmpty { text += "\n" + pairs }
    text += "\n" + costTable.plain
    if let savings = comparison.record.savings {
      text += "\n" + savings.sentences.map { $0 + "\n" }.joined()
    }
    for problem in comparison.problems { text += "\nnote: \(problem)\n" }
    return text
  }

  private var costTable: TextTable { TextTable(comparison.settings.filter { !$0.runs.isEmpty }, costs) }

  /// A terminal shows at most this many pairs one by one. Of more it shows signs.
  private static let mostPairs = 40

  private var pairs: String {
    guard comparison.pairs.count > Self.mostPairs else { return differences.plain }
    var text = ""
    for measurement in comparison.measurements {
      let pairs = comparison.pairs.filter { $0.measurement == measurement }
      if pairs.isEmpty { continue }
      text +=
        "\(comparison.name(of: measurement)), item by item, the best mean first: the row is + better, - worse "
      text += "than the column, · no difference shown, ? not tested\n\n"
      for (_, group) in pairs.groups(by: \.first.target) {
        text += PairMatrix(group, measurement).signs.plain + "\n"
      }
    }
    return text
      + "all \(comparison.pairs.count) pairs with their intervals are on the page, and in report --format json\n"
  }

  func text(as format: ReportFormat) -> String {
    switch format {
    case .html: ComparisonReport.page(comparison).html
    case .markdown: markdown
    case .csv: RunTables.csv(runs)
    case .json: json.pretty
    }
  }

  private var markdown: String {
    var parts = [
      "# \(TextTable.oneLine(ComparisonReport.title(comparison)))\n",
      TextTable(comparison.settings, results).markdown,
    ]
    if !comparison.pairs.isEmpty { parts += [ComparisonReport.bootstrapWords + "\n", differences.markdown] }
    parts.append(costTable.markdown)
    if let savings = comparison.record.savings { parts += savings.sentences.map { $0 + "\n" } }
    parts += comparison.problems.map { "Note: \(TextTable.oneLine($0))\n" }
    return parts.joined(separator: "\n")
  }

  /// All runs with their methods' names.
  private var runs: [(method: String, run: ComparedRun)] {
    comparison.settings.flatMap { setting in setting.runs.map { (setting.method, $0) } }
  }

  private var json: JSONValue {
    [
      "runs": .array(runs.map { .object(RunTables.runObject($0.run, method: $0.method)) }),
      "differences": .array(comparison.pairs.map(json)),
      "bootstrap": [
        "draws": .integer(PairedBootstrap.defaultDraws), "interval": "percentile", "level": 0.95,
      ],
      "shared": comparison.record.savings?.json ?? .null,
      "samples": .array(comparison.record.samples.map(\.json)),
      "problems": .array(comparison.problems.map { .string($0) }),
    ]
  }

  private func json(_ pair: Comparison.Pair) -> JSONValue {
    [
      "metric": .string(comparison.name(of: pair.measurement)), "target": pair.first.target?.json ?? .null,
      "first": .string(pair.first.method), "second": .string(pair.second.method),
      "difference": .optional(pair.difference?.mean), "low": .optional(pair.difference?.low),
      "high": .optional(pair.difference?.high), "items": .optional(pair.difference?.items),
      "is_shown": .optional(pair.difference?.isSignificant), "verdict": .string(pair.verdict),
    ]
  }
}
