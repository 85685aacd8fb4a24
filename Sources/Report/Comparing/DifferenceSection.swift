import Wording

/// Which differences are more than chance.
enum DifferenceSection {
  /// Nobody reads a table of more pairs line by line.
  private static let fewPairs = 12

  static func section(_ comparison: Comparison, _ tables: ComparisonTables) -> Page.Section {
    var content: [Markup] = []
    var hasMatrix = false
    for measurement in comparison.measurements {
      let pairs = comparison.pairs.filter { $0.measurement == measurement }
      let name = comparison.name(of: measurement)
      if pairs.isEmpty { continue }
      if pairs.count <= fewPairs {
        content.append(table(pairs, name))
      } else {
        hasMatrix = true
        for (_, group) in pairs.groups(by: \.first.target) {
          content += [
            PairMatrix(group, measurement).table(named: name),
            .folded(summary(of: group), [table(group, name)]),
          ]
        }
      }
    }
    let words = [ComparisonReport.bootstrapWords] + (hasMatrix ? [PairMatrix.words] : [])
    if !content.isEmpty { content = words.map { .tag("p", $0) } + content }
    return Page.Section(id: "differences", title: "Pairs, item by item", content: content)
  }

  private static func summary(of pairs: [Comparison.Pair]) -> String {
    let shown = pairs.count { $0.difference?.isSignificant == true }
    let target = pairs.first?.first.target.map { " at \($0.label)" } ?? ""
    return "The \(pairs.count) pairs\(target) with their intervals; "
      + (shown == 0 ? "no difference is shown" : "a difference is shown in \(shown) of them")
  }

  private static func table(_ pairs: [Comparison.Pair], _ name: String) -> Markup {
    let direction = pairs.first?.lowerIsBetter.map { "; " + ResultsSection.direction($0) } ?? ""
    let mean = Column<Comparison.Pair>.number("Difference", note: "first − second") {
      $0.difference.map { ComparisonTables.words($0).mean }
    }
    return .table(
      name + direction, pairs,
      [
        .text("Pair") { "\($0.first.method) − \($0.second.method)" },
        .number("Target") { $0.first.target?.label },
      ] + ComparisonTables.verdict(mean))
  }
}
