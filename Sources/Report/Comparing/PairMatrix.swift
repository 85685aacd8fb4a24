import Wording

/// All methods at one target against each other in one measurement: who is better than whom, and where that can't be said.
package struct PairMatrix {
  /// What the difference of a row's mean and a column's comes to.
  package enum Outcome: Equatable {
    case better, worse, notShown, notTested
    /// Shown, of a metric of which it isn't known which way is better.
    case differs
  }

  package struct Entry {
    /// Row minus column; nil if it can't be tested.
    package let difference: PairedDifference?
    package let outcome: Outcome
  }

  package let target: ComparedRun.Target?
  /// The best mean first; as they came where it isn't known which way is better.
  package let methods: [Comparison.Setting]
  package let hasUnpruned: Bool
  private let lowerIsBetter: Bool?
  /// Of all differences alike, so that they can be read down a column.
  private let decimals: Int
  private let measurement: Measurement
  /// By the names of row and column.
  private let entries: [[String]: Entry]

  /// - Parameter pairs: of one measurement and one target.
  package init(_ pairs: [Comparison.Pair], _ measurement: Measurement) {
    self.measurement = measurement
    target = pairs.first?.first.target
    hasUnpruned = pairs.contains(where: \.second.isOfUnprunedModel)
    let lowerIsBetter = pairs.lazy.compactMap(\.lowerIsBetter).first
    self.lowerIsBetter = lowerIsBetter
    let digits = pairs.compactMap { $0.difference.flatMap(ComparisonTables.decimals) }.sorted()
    decimals = digits.isEmpty ? 3 : digits[digits.count / 2]
    var seen: Set<String> = []
    let all = pairs.flatMap { [$0.second, $0.first] }
      .filter { !$0.isOfUnprunedModel && seen.insert($0.method).inserted }
    methods = all.enumerated().sorted { left, right in
      let means = [left, right].map { Self.mean(of: $0.element, measurement) }
      guard let lowerIsBetter, means[0] != means[1], !means.contains(where: \.isNaN) else {
        // What isn't a number goes last.
        return means[0].isNaN == means[1].isNaN ? left.offset < right.offset : means[1].isNaN
      }
      return (means[0] < means[1]) == lowerIsBetter
    }.map(\.element)
    var entries: [[String]: Entry] = [:]
    for pair in pairs {
      entries[[pair.first.method, pair.second.method]] = Entry(pair.difference, pair.lowerIsBetter)
      entries[[pair.second.method, pair.first.method]] = Entry(pair.difference?.negated, pair.lowerIsBetter)
    }
    self.entries = entries
  }

  /// nil where the two were not paired.
  package func entry(_ row: Comparison.Setting, _ column: String) -> Entry? { entries[[row.method, column]] }

  private static func mean(of setting: Comparison.Setting, _ measurement: Measurement) -> Double {
    let values = (setting.values[measurement] ?? []).map { $0.measured.metric.value }
    return values.isEmpty ? .nan : values.reduce(0, +) / Double(values.count)
  }

  // MARK: - In words

  /// What stands above the tables.
  static let words =
    "In the tables that follow the best mean comes first, and each cell is its row minus its column. In bold: the "
    + "interval is off zero, and the row is better (blue) or worse (orange). Grey: no difference shown."

  /// For the page: differences in all cells, those that are shown in bold and coloured.
  func table(named name: String, _ tables: ComparisonTables) -> Markup {
    let unpruned = hasUnpruned ? [Comparison.Setting.unprunedName] : []
    let columns = unpruned + methods.map(\.method)
    let rows = methods.enumerated().map { index, row in
      (
        heading: "\(index + 1) \(row.method)",
        cells: [CellTable.Cell(text: tables.cell(row, measurement))] + columns.map { cell(row, $0) }
      )
    }
    return CellTable(
      title: target.map { "\(name) at \($0.label)" } ?? name,
      isWide: true, note: lowerIsBetter.map { $0 ? "Lower is better." : "Higher is better." } ?? "",
      head: [
        [.init(text: "Method"), .init(text: "Mean")] + unpruned.map { .init(text: $0) }
          + methods.enumerated().map { .init(text: "\($0 + 1)", title: $1.method) }
      ], rows: rows
    ).markup
  }

  private func cell(_ row: Comparison.Setting, _ column: String) -> CellTable.Cell {
    guard row.method != column else { return .init(text: "–", style: "soft", title: "\(row.method): itself") }
    let pair = "\(row.method) − \(column): "
    guard let entry = entry(row, column), let difference = entry.difference else {
      return .init(text: "?", style: "soft", title: pair + "not tested")
    }
    let words = ComparisonTables.words(difference)
    let (style, verdict) =
      switch entry.outcome {
      case .better: ("better", "\(row.method) is better")
      case .worse: ("worse", "\(column) is better")
      case .differs: ("differs", difference.mean > 0 ? "higher" : "lower")
      case .notShown, .notTested: ("soft", "no difference shown")
      }
    return .init(
      text: ComparisonTables.signed(difference.mean, decimals), style: style,
      title: pair + "\(words.mean) (\(words.interval)) over \(HumanFormat.grouped(difference.items)) items, "
        + verdict)
  }

  /// For a terminal: a sign for each pair.
  var signs: TextTable {
    let unpruned = hasUnpruned ? [Comparison.Setting.unprunedName] : []
    var table = TextTable(
      [.init(target.map { "at \($0.label)" } ?? "method")] + unpruned.map { .init($0, .right) }
        + methods.indices.map { .init("\($0 + 1)", .right) })
    for (index, row) in methods.enumerated() {
      table.add(
        ["\(index + 1) \(row.method)"]
          + (unpruned + methods.map(\.method)).map { column in
            switch entry(row, column)?.outcome {
            case .better: "+"
            case .worse: "-"
            case .differs: "≠"
            case .notShown: "·"
            case .notTested: "?"
            case nil: ""
            }
          })
    }
    return table
  }
}

extension PairMatrix.Entry {
  init(_ difference: PairedDifference?, _ lowerIsBetter: Bool?) {
    self.difference = difference
    guard let difference else {
      outcome = .notTested
      return
    }
    guard difference.isShown else {
      outcome = .notShown
      return
    }
    outcome = lowerIsBetter.map { (difference.mean < 0) == $0 ? .better : .worse } ?? .differs
  }
}

extension PairedDifference {
  /// The second minus the first.
  var negated: PairedDifference { .init(mean: -mean, low: -high, high: -low, items: items) }
}
