import Wording

/// What each layer kept, and what its statistics were, over the iterations of pruning.
package enum LayersSection {
  /// More columns than this can't be told apart: then some iterations are left out, never the first or the last.
  package static let mostColumns = 60

  static func section(_ files: RunFiles) -> Page.Section {
    let all = files.iterations
    let shown = evenly(all)
    let left =
      all.count > shown.count ? " \(shown.count) of \(all.count) iterations are shown, evenly spaced." : ""
    var content: [Markup] = []
    let families = Iteration.inOrder(all.flatMap(\.familyNames))
    let maps = families.compactMap { map(of: $0, shown, note: left) }
    if !maps.isEmpty {
      content += [.tag("h3", "Kept units"), .tag("div", ["class": "plots"], maps)]
      content += families.map { family in
        details("Kept: \(words(for: family).title), as numbers", keptTable(of: family, shown))
      }
    }
    let statistics = Iteration.inOrder(all.flatMap(\.statisticNames))
    let statisticMaps = statistics.compactMap { map(ofStatistic: $0, shown, note: left) }
    if !statisticMaps.isEmpty {
      content += [.tag("h3", "Layer statistics"), .tag("div", ["class": "plots"], statisticMaps)]
      content += statistics.map { details("\($0), as numbers", statisticTable(of: $0, shown)) }
    }
    return Page.Section(id: "layers", title: "Layers", content: content)
  }

  package static func evenly<Element>(_ all: [Element]) -> [Element] {
    guard all.count > mostColumns else { return all }
    return (0..<mostColumns).map { all[$0 * (all.count - 1) / (mostColumns - 1)] }
  }

  static func words(for family: String) -> (title: String, units: String) {
    switch family {
    case "attention": ("attention", "KV groups")
    case "mlp": ("MLP", "channels")
    case "attention_block": ("attention as a whole", "attention blocks")
    case "mlp_block": ("MLP as a whole", "MLP blocks")
    case "layer": ("layers as a whole", "layers")
    case "attention_stream": ("residual stream before attention", "columns")
    case "mlp_stream": ("residual stream before the MLP", "columns")
    default: (family, "units")
    }
  }

  /// A stage tells only of the families that it cuts.
  private static func telling(of family: String, _ iterations: [Iteration]) -> [Iteration] {
    iterations.filter { $0.familyNames.contains(family) }
  }

  private static func map(of family: String, _ iterations: [Iteration], note: String) -> Markup? {
    let (title, units) = words(for: family)
    let columns = telling(of: family, iterations).map { iteration in
      HeatMap.Column(
        "\(iteration.number)",
        iteration.units.map { layer in
          layer[family].flatMap { unit in
            // A layer that had none of them has no share to show.
            guard unit.original > 0 else { return nil }
            let share = Double(unit.kept) / Double(unit.original)
            return HeatMap.Cell(
              value: share,
              text: "\(HumanFormat.grouped(unit.kept)) of \(HumanFormat.grouped(unit.original))",
              title: "\(HumanFormat.grouped(unit.kept)) of \(HumanFormat.grouped(unit.original)) \(units), "
                + HumanFormat.percent(share))
          }
        })
    }
    guard columns.contains(where: { $0.cells.contains { $0 != nil } }) else { return nil }
    return HeatMap(
      title: "Kept \(units) (\(title))",
      note: "By layer and iteration, as a share of the unpruned model's; the last iteration is large." + note,
      rowName: "layer", columnName: "iteration", columns: columns, domain: 0...1,
      ends: ("none kept", "all kept")
    ).markup
  }

  private static func map(ofStatistic name: String, _ iterations: [Iteration], note: String) -> Markup? {
    let values = iterations.flatMap { $0.statistics.compactMap { $0[name] } }.filter(\.isFinite)
    guard let (low, high) = span(of: values) else { return nil }
    // The range of shades has to say when it is not that of the values.
    let isClipped = values.contains { $0 < low || $0 > high }
    let columns = iterations.map { iteration in
      HeatMap.Column(
        "\(iteration.number)",
        iteration.statistics.map { layer in
          layer[name].map { value in
            HeatMap.Cell(value: value, text: HumanFormat.measured(value), title: HumanFormat.measured(value))
          }
        })
    }
    return HeatMap(
      title: name,
      note: "Mean over the tokens, as gathered before each iteration's cut; the last iteration is large."
        + note,
      rowName: "layer", columnName: "iteration", columns: columns, domain: low...high,
      ends: (
        HumanFormat.measured(low) + (isClipped ? " or less" : ""),
        HumanFormat.measured(high) + (isClipped ? " or more" : "")
      )
    ).markup
  }

  /// From the 5th percentile to the 95th (nearest ranks), since one layer unlike all others would leave these the same
  /// shade; of fewer than 20 values from the least to the largest.
  package static func span(of values: [Double]) -> (low: Double, high: Double)? {
    let sorted = values.sorted()
    let skipped = sorted.count / 20
    guard let low = sorted.dropFirst(skipped).first, let high = sorted.dropLast(skipped).last else {
      return nil
    }
    return low < high ? (low, high) : sorted.first.flatMap { first in sorted.last.map { (first, $0) } }
  }

  private static func keptTable(of family: String, _ iterations: [Iteration]) -> Markup {
    let (_, units) = words(for: family)
    return table("Kept \(units) by layer and iteration", telling(of: family, iterations)) {
      iteration, layer in
      guard iteration.units.indices.contains(layer) else { return nil }
      return iteration.units[layer][family].map { HumanFormat.grouped($0.kept) }
    }
  }

  private static func statisticTable(of name: String, _ iterations: [Iteration]) -> Markup {
    table("\(name) by layer and iteration", iterations) { iteration, layer in
      guard iteration.statistics.indices.contains(layer) else { return nil }
      return iteration.statistics[layer][name].map(HumanFormat.measured)
    }
  }

  private static func table(
    _ caption: String, _ iterations: [Iteration], _ cell: (Iteration, Int) -> String?
  ) -> Markup {
    var table = Table(
      caption: caption,
      columns: [.init("Layer")] + iterations.map { .init("\($0.number)", note: $0.stage, isNumber: true) })
    for layer in 0..<(iterations.map(\.units.count).max() ?? 0) {
      table.add([.text("\(layer)")] + iterations.map { .text(cell($0, layer) ?? "") })
    }
    return table.markup
  }

  static func details(_ title: String, _ content: Markup) -> Markup {
    .tag("details", [:], [.tag("summary", title), content])
  }
}
