import RunRecords
import Wording

/// What each layer kept, and its statistics, over the iterations of pruning.
package enum LayersSection {
  /// More columns than this can't be told apart. Then some iterations are left out, never the first or the last.
  private static let mostColumns = 60

  static func section(_ files: RecordedRun) -> Page.Section {
    let all = files.iterations
    let shown = evenly(all)
    let note =
      all.count > shown.count ? " \(shown.count) of \(all.count) iterations are shown, evenly spaced." : ""
    var content: [Markup] = []
    func add(_ title: String, _ names: [String], _ map: (String) -> Markup?, _ table: (String) -> Markup) {
      let maps = names.compactMap(map)
      if maps.isEmpty { return }
      content += [.tag("h3", title), .tag("div", ["class": "plots"], maps)] + names.map(table)
    }
    add("Kept units", all.flatMap(\.familyNames).unique) { family in
      map(of: family, shown, note: note)
    } _: { family in
      let (title, units) = words(for: family)
      return .folded(
        "Kept: \(title), as numbers",
        [
          table("Kept \(units) by layer and iteration", cutting(family, shown)) {
            $0.units(of: family)[safe: $1]?.map { HumanFormat.grouped($0.kept) }
          }
        ])
    }
    add("Layer statistics", all.flatMap(\.statisticNames).unique) { name in
      map(ofStatistic: name, shown, note: note)
    } _: { name in
      .folded(
        "\(name), as numbers",
        [
          table("\(name) by layer and iteration", shown) {
            $0.means(of: name)[safe: $1]?.map(HumanFormat.measured)
          }
        ])
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

  private static func cutting(_ family: String, _ iterations: [IterationRecord]) -> [IterationRecord] {
    iterations.filter { $0.familyNames.contains(family) }
  }

  private static func map(of family: String, _ iterations: [IterationRecord], note: String) -> Markup? {
    let (title, units) = words(for: family)
    let columns = cutting(family, iterations).map { iteration -> HeatMap.Column in
      let cells = iteration.units(of: family).map { unit -> HeatMap.Cell? in
        // A layer that had no such unit has no share to show.
        guard let unit, unit.original > 0 else { return nil }
        let share = Double(unit.kept) / Double(unit.original)
        let text = "\(HumanFormat.grouped(unit.kept)) of \(HumanFormat.grouped(unit.original))"
        return (share, text, "\(text) \(units), " + HumanFormat.percent(share))
      }
      return ("\(iteration.number)", cells)
    }
    guard columns.contains(where: { $0.cells.contains { $0 != nil } }) else { return nil }
    return HeatMap.markup(
      title: "Kept \(units) (\(title))",
      note: "By layer and iteration, as a share of the unpruned model's; the last iteration is large." + note,
      rowName: "layer", columnName: "iteration", columns: columns, domain: 0...1,
      ends: ("none kept", "all kept"))
  }

  private static func map(ofStatistic name: String, _ iterations: [IterationRecord], note: String) -> Markup?
  {
    let values = iterations.flatMap { $0.means(of: name) }.compactMap(\.self).filter(\.isFinite)
    guard let (low, high) = span(of: values) else { return nil }
    // The legend tells where values lie outside of the shades' range.
    let isClipped = values.contains { $0 < low || $0 > high }
    let columns = iterations.map { iteration -> HeatMap.Column in
      let cells = iteration.means(of: name).map { mean in
        mean.map { ($0, HumanFormat.measured($0), HumanFormat.measured($0)) as HeatMap.Cell }
      }
      return ("\(iteration.number)", cells)
    }
    return HeatMap.markup(
      title: name,
      note: "Mean over the tokens, as gathered before each iteration's cut; the last iteration is large."
        + note,
      rowName: "layer", columnName: "iteration", columns: columns, domain: low...high,
      ends: (
        HumanFormat.measured(low) + (isClipped ? " or less" : ""),
        HumanFormat.measured(high) + (isClipped ? " or more" : "")
      ))
  }

  /// Returns the range of shades: from the 5th percentile to the 95th (nearest ranks), so that one layer unlike all
  /// others does not leave these the same shade. Of fewer than 20 values it is the whole range.
  package static func span(of values: [Double]) -> (low: Double, high: Double)? {
    let sorted = values.sorted()
    let skipped = sorted.count / 20
    guard let low = sorted.dropFirst(skipped).first, let high = sorted.dropLast(skipped).last,
      let least = sorted.first, let most = sorted.last
    else { return nil }
    return low < high ? (low, high) : (least, most)
  }

  private static func table(
    _ caption: String, _ iterations: [IterationRecord], _ cell: @escaping (IterationRecord, Int) -> String?
  ) -> Markup {
    .table(
      caption, Array(0..<(iterations.map(\.layers.count).max() ?? 0)),
      [.text("Layer") { "\($0)" }]
        + iterations.map { iteration in
          .number("\(iteration.number)", note: iteration.stage) { cell(iteration, $0) }
        })
  }
}
