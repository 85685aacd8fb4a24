import Wording

/// All methods at one target against each other in one measurement: which is better, and where that is not known.
package struct PairMatrix {
  package enum Outcome: Equatable {
    case better, worse, notSignificant, notTested
    /// A difference is shown, but not which way is better.
    case differs
  }

  package struct Entry {
    /// Row minus column; nil if it can't be tested.
    package let difference: PairedDifference?
    package let outcome: Outcome

    fileprivate init(_ difference: PairedDifference?, _ lowerIsBetter: Bool?) {
      self.difference = difference
      outcome =
        switch difference {
        case nil: .notTested
        case let known? where !known.isSignificant: .notSignificant
        case let known?: lowerIsBetter.map { (known.mean < 0) == $0 ? .better : .worse } ?? .differs
        }
    }
  }

  package let target: ComparedRun.Target?
  /// The best mean first. If it isn't known which way is better, in the order of the pairs.
  package let methods: [Comparison.Setting]
  package let hasUnpruned: Bool
  private let lowerIsBetter: Bool?
  /// The same for all differences, so that they can be read down a column.
  private let decimals: Int
  private let measurement: Measurement
  /// By the methods of row and column.
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
      let means = [left, right].map { $0.element.metrics(measurement).map(\.value).mean }
      guard let lowerIsBetter, means[0] != means[1], !means.contains(where: \.isNaN) else {
        // NaN goes last.
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

  private var unpruned: [String] { hasUnpruned ? [Comparison.Setting.unprunedName] : [] }
  private var columns: [String] { unpruned + methods.map(\.method) }

  // MARK: - In words

  /// Explains the tables.
  static let words =
    "In the tables that follow the best mean comes first, and each cell is its row minus its column. In bold: the "
    + "interval is off zero, and the row is better (blue) or worse (orange). Grey: no difference shown."

  /// Returns the differences for the page.
  func table(named name: String) -> Markup {
    let rows = methods.enumerated().map { index, row in
      (
        heading: "\(index + 1) \(row.method)",
        cells: [CellTable.Cell(text: ComparisonTables.words(row.metrics(measurement)))]
          + columns.map { cell(row, $0) }
      )
    }
    return CellTable(
      title: target.map { "\(name) at \($0.label)" } ?? name,
      isWide: true, note: lowerIsBetter.map { ResultsSection.direction($0).sentence } ?? "",
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
      case .notSignificant, .notTested: ("soft", "no difference shown")
      }
    return .init(
      text: ComparisonTables.signed(difference.mean, decimals), style: style,
      title: pair + "\(words.mean) (\(words.interval)) over \(HumanFormat.grouped(difference.items)) items, "
        + verdict)
  }

  /// Returns a sign for each pair, for a terminal.
  var signs: TextTable {
    var table = TextTable(
      [.init(target.map { "at \($0.label)" } ?? "method")] + unpruned.map { .init($0, .right) }
        + methods.indices.map { .init("\($0 + 1)", .right) })
    for (index, row) in methods.enumerated() {
      table.add(
        ["\(index + 1) \(row.method)"]
          + columns.map { column in
            switch entry(row, column)?.outcome {
            case .better: "+"
            case .worse: "-"
            case .differs: "≠"
            case .notSignificant: "·"
            case .notTested: "?"
            case nil: ""
            }
          })
    }
    return table
  }
}

extension PairedDifference {
  var negated: PairedDifference { .init(mean: -mean, low: -high, high: -low, items: items) }
}
