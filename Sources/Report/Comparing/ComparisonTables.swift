import JSON
import RunRecords
import Wording

/// A comparison's numbers in words, for the page, the terminal and papers alike.
package struct ComparisonTables {
  let comparison: Comparison

  package init(_ comparison: Comparison) { self.comparison = comparison }

  // MARK: - Results

  /// `25.6 ± 1.9` of one run, with its standard error; of several `46.9 (45.2–48.1)`, their mean and, unless
  /// they are all the same, their range.
  package static func words(_ values: [EvaluationRecord.Metric]) -> String {
    guard let first = values.first else { return "" }
    guard values.count > 1 else { return ResultsSection.words(first) }
    let numbers = values.map(\.value)
    guard !numbers.contains(where: \.isNaN), let low = numbers.min(), let high = numbers.max() else {
      return "not finite"
    }
    let mean = HumanFormat.measured(numbers.reduce(0, +) / Double(numbers.count))
    if low == high { return mean }
    return "\(mean) (\(HumanFormat.measured(low))–\(HumanFormat.measured(high)))"
  }

  func cell(_ setting: Comparison.Setting, _ measurement: Measurement) -> String {
    Self.words((setting.values[measurement] ?? []).map(\.measured.metric))
  }

  func parameters(_ setting: Comparison.Setting) -> String {
    if setting.isOfUnprunedModel {
      return comparison.runs.lazy.compactMap(\.originalParameters).first.map(HumanFormat.grouped) ?? ""
    }
    let sizes = Set(setting.runs.compactMap(\.parameters)).sorted()
    guard let low = sizes.first, let high = sizes.last else { return "" }
    return low == high
      ? HumanFormat.grouped(low) : "\(HumanFormat.grouped(low))–\(HumanFormat.grouped(high))"
  }

  func share(_ setting: Comparison.Setting) -> String {
    setting.share.map { HumanFormat.fixed($0 * 100, 2) + "%" } ?? ""
  }

  var severalSeeds: Bool { comparison.pruned.contains { $0.runs.count > 1 } }

  /// Whether some run tells what its model takes on the disk.
  var tellsWeights: Bool { comparison.settings.contains { !weights($0).isEmpty } }

  /// Of the model as it came, or of those that the runs saved last.
  func weights(_ setting: Comparison.Setting) -> String {
    let known =
      setting.isOfUnprunedModel
      ? comparison.runs.lazy.compactMap(\.files.history.originalWeights).prefix(1).map(\.self)
      : setting.runs.compactMap { $0.files.history.saved.last?.weights }
    return Iteration.inOrder(known.map(\.words)).joined(separator: "; ")
  }

  package var results: TextTable {
    var table = TextTable(
      [.init("method"), .init("target", .right), .init("parameters", .right), .init("share", .right)]
        + (tellsWeights ? [.init("weights on disk", .right)] : [])
        + (severalSeeds ? [.init("seeds", .right)] : [])
        + comparison.measurements.map { .init(comparison.name(of: $0), .right) })
    for setting in comparison.settings {
      table.add(
        [setting.method, setting.target?.label ?? "", parameters(setting), share(setting)]
          + (tellsWeights ? [weights(setting)] : [])
          + (severalSeeds ? ["\(max(1, setting.runs.count))"] : [])
          + comparison.measurements.map { cell(setting, $0) })
    }
    return table
  }

  // MARK: - Pairs

  /// `+0.035`, `+0.007 to +0.054`.
  package static func words(_ difference: PairedDifference) -> (mean: String, interval: String) {
    guard let decimals = decimals(difference) else {
      return (signed(difference.mean), "\(signed(difference.low)) to \(signed(difference.high))")
    }
    // An interval off zero must not seem to touch it.
    func end(_ value: Double) -> String {
      guard difference.isShown else { return signed(value, decimals) }
      return signed(value, max(decimals, Self.decimals { value.magnitude * $0 >= 0.5 }))
    }
    return (signed(difference.mean, decimals), "\(end(difference.low)) to \(end(difference.high))")
  }

  /// Up to the second digit of the interval's width; nil if it has none.
  static func decimals(_ difference: PairedDifference) -> Int? {
    let width = difference.high - difference.low
    return width > 0 ? decimals { width * $0 >= 9.5 } : nil
  }

  /// The least for which ten to their power is enough, 8 at most.
  private static func decimals(_ isEnough: (Double) -> Bool) -> Int {
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
    // What rounds to zero has no sign.
    guard text.contains(where: { ("1"..."9").contains($0) }) else {
      return text.replacing("-", with: "")
    }
    return (value > 0 ? "+" : "") + text
  }

  private static func signed(_ value: Double) -> String {
    (value > 0 ? "+" : "") + HumanFormat.measured(value)
  }

  /// Mean, interval and items; empty where the pair was not tested.
  static func cells(_ pair: Comparison.Pair) -> [String] {
    guard let difference = pair.difference else { return ["", "", ""] }
    let (mean, interval) = words(difference)
    return [mean, interval, HumanFormat.grouped(difference.items)]
  }

  package var differences: TextTable {
    var table = TextTable([
      .init("metric"), .init("target", .right), .init("first"), .init("second"),
      .init("first − second", .right), .init("95% interval", .right), .init("items", .right),
      .init("verdict"),
    ])
    for pair in comparison.pairs {
      table.add(
        [
          comparison.name(of: pair.measurement), pair.first.target?.label ?? "", pair.first.method,
          pair.second.method,
        ] + Self.cells(pair) + [pair.verdict])
    }
    return table
  }

  // MARK: - Cost

  static func span(_ values: [Double], _ words: (Double) -> String) -> String {
    guard let low = values.min(), let high = values.max() else { return "" }
    let (first, last) = (words(low), words(high))
    return first == last ? first : "\(first)–\(last)"
  }

  func time(_ setting: Comparison.Setting) -> String {
    Self.span(setting.runs.map(\.seconds)) { HumanFormat.duration(seconds: $0) }
  }

  func spared(_ setting: Comparison.Setting) -> String {
    let spared = setting.runs.map(\.secondsSpared).filter { $0 > 0 }
    return Self.span(spared) { HumanFormat.duration(seconds: $0) }
  }

  func memory(_ setting: Comparison.Setting) -> String {
    setting.runs.compactMap(\.files.history.peakMemoryBytes).max().map(HumanFormat.bytes) ?? ""
  }

  package var costs: TextTable {
    var table = TextTable([
      .init("method"), .init("target", .right), .init("time", .right), .init("spared", .right),
      .init("memory at most", .right),
    ])
    for setting in comparison.settings where !setting.runs.isEmpty {
      table.add([
        setting.method, setting.target?.label ?? "", time(setting), spared(setting), memory(setting),
      ])
    }
    return table
  }

  // MARK: - All of it

  /// For a terminal.
  package var terminal: String {
    var text = results.plain
    if !comparison.pairs.isEmpty { text += "\n" + pairs }
    text += "\n" + costs.plain
    if let savings = comparison.record.savings {
      text += "\n" + savings.sentences.map { $0 + "\n" }.joined()
    }
    for problem in comparison.problems { text += "\nnote: \(problem)\n" }
    return text
  }

  /// Most pairs that a terminal shows one by one; of more it has a sign each.
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
      for group in DifferenceSection.byTarget(pairs) {
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
    case .csv: csv
    case .json: json.pretty
    }
  }

  private var markdown: String {
    var parts = ["# \(TextTable.oneLine(ComparisonReport.title(comparison)))\n", results.markdown]
    if !comparison.pairs.isEmpty {
      parts += [ComparisonReport.bootstrapWords + "\n", differences.markdown]
    }
    parts.append(costs.markdown)
    if let savings = comparison.record.savings { parts += savings.sentences.map { $0 + "\n" } }
    parts += comparison.problems.map { "Note: \(TextTable.oneLine($0))\n" }
    return parts.joined(separator: "\n")
  }

  private var csv: String {
    var table = DataTable(RunTables.columns)
    for setting in comparison.settings {
      for run in setting.runs { RunTables.add(run, method: setting.method, to: &table) }
    }
    return table.csv
  }

  private var json: JSONValue {
    [
      "runs": .array(
        comparison.settings.flatMap { setting in
          setting.runs.map { .object(RunTables.runObject($0, method: setting.method)) }
        }),
      "differences": .array(comparison.pairs.map(json)),
      "bootstrap": [
        "draws": .integer(PairedBootstrap.usualDraws), "interval": "percentile", "level": 0.95,
      ],
      "shared": comparison.record.savings?.json ?? .null,
      "samples": .array(comparison.record.samples.map(\.json)),
      "problems": .array(comparison.problems.map { .string($0) }),
    ]
  }

  private func json(_ pair: Comparison.Pair) -> JSONValue {
    var object: JSONObject = [
      "metric": .string(comparison.name(of: pair.measurement)), "target": pair.first.target?.json ?? .null,
      "first": .string(pair.first.method), "second": .string(pair.second.method),
      "difference": .optional(pair.difference?.mean), "low": .optional(pair.difference?.low),
      "high": .optional(pair.difference?.high), "items": .optional(pair.difference?.items),
    ]
    object["is_shown"] = .optional(pair.difference?.isShown)
    object["verdict"] = .string(pair.verdict)
    return .object(object)
  }
}
