import Wording

/// Which differences are more than chance.
enum DifferenceSection {
  /// A table of more pairs than this is no longer read line by line.
  static let fewPairs = 12

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
        for group in byTarget(pairs) {
          content += [
            PairMatrix(group, measurement).table(named: name, tables),
            LayersSection.details(summary(of: group), table(group, name)),
          ]
        }
      }
    }
    let words = [ComparisonReport.bootstrapWords] + (hasMatrix ? [PairMatrix.words] : [])
    if !content.isEmpty { content = words.map { .tag("p", $0) } + content }
    return Page.Section(id: "differences", title: "Pairs, item by item", content: content)
  }

  /// Pairs of one measurement by their targets, in the order in which these come.
  static func byTarget(_ pairs: [Comparison.Pair]) -> [[Comparison.Pair]] {
    var groups: [[Comparison.Pair]] = []
    for pair in pairs {
      if let place = groups.firstIndex(where: { $0.first?.first.target == pair.first.target }) {
        groups[place].append(pair)
      } else {
        groups.append([pair])
      }
    }
    return groups
  }

  private static func summary(of pairs: [Comparison.Pair]) -> String {
    let shown = pairs.count { $0.difference?.isShown == true }
    let target = pairs.first?.first.target.map { " at \($0.label)" } ?? ""
    return "The \(pairs.count) pairs\(target) with their intervals; "
      + (shown == 0 ? "no difference is shown" : "a difference is shown in \(shown) of them")
  }

  private static func table(_ pairs: [Comparison.Pair], _ name: String) -> Markup {
    let lower = pairs.first?.lowerIsBetter
    var table = Table(
      caption: name + (lower.map { $0 ? "; lower is better" : "; higher is better" } ?? ""),
      columns: [
        .init("Pair"), .init("Target", isNumber: true),
        .init("Difference", note: "first − second", isNumber: true),
        .init("95% interval", isNumber: true), .init("Items", isNumber: true), .init("Verdict"),
      ])
    for pair in pairs {
      let verdict: Markup =
        pair.difference?.isShown == true ? .tag("strong", pair.verdict) : .text(pair.verdict)
      table.add(
        [.text("\(pair.first.method) − \(pair.second.method)"), .text(pair.first.target?.label ?? "")]
          + ComparisonTables.cells(pair).map { .text($0) } + [verdict])
    }
    return table.markup
  }
}
