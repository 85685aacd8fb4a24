import Wording

/// Which differences are more than chance.
enum DifferenceSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    var content: [Markup] = []
    for measurement in comparison.measurements {
      let pairs = comparison.pairs.filter { $0.measurement == measurement }
      if !pairs.isEmpty { content.append(table(pairs, comparison.name(of: measurement))) }
    }
    if !content.isEmpty { content.insert(.tag("p", ComparisonReport.bootstrapWords), at: 0) }
    return Page.Section(id: "differences", title: "Pairs, item by item", content: content)
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
      table.add([
        .text("\(pair.first.method) − \(pair.second.method)"), .text(pair.first.target?.label ?? ""),
        .text(pair.difference.map { ComparisonTables.words($0).mean } ?? ""),
        .text(pair.difference.map { ComparisonTables.words($0).interval } ?? ""),
        .text(pair.difference.map { HumanFormat.grouped($0.items) } ?? ""), verdict,
      ])
    }
    return table.markup
  }
}
