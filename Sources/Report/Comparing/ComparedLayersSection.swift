import Wording

/// What each method left of each layer, and how the layers were judged before anything was cut.
enum ComparedLayersSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    var content: [Markup] = []
    let families = Iteration.inOrder(comparison.runs.flatMap(\.files.iterations).flatMap(\.familyNames))
    let maps = comparison.methods.flatMap { method in
      families.compactMap { map(of: $0, method, comparison) }
    }
    if !maps.isEmpty {
      content += [.tag("h3", "Kept units"), .tag("div", ["class": "plots"], maps)]
      content += comparison.methods.flatMap { method in
        families.compactMap { table(of: $0, method, comparison) }
      }
    }
    let statistics = Iteration.inOrder(comparison.runs.flatMap(\.files.iterations).flatMap(\.statisticNames))
    let charts = statistics.compactMap { chart(of: $0, comparison) }
    if !charts.isEmpty {
      content += [.tag("h3", "Layer importances"), .tag("div", ["class": "plots"], charts)]
      content += statistics.map { name in
        LayersSection.details("\(name), as numbers", importanceTable(of: name, comparison))
      }
    }
    return Page.Section(id: "layers", title: "Layers", content: content)
  }

  // MARK: - Kept units

  private struct Kept {
    let setting: Comparison.Setting
    /// By layer: the share kept, mean over the seeds; nil where nothing is known.
    let shares: [(share: Double, words: String)?]
  }

  private static func kept(_ family: String, _ method: String, _ comparison: Comparison) -> [Kept] {
    comparison.pruned.filter { $0.method == method }.compactMap { setting in
      let last = setting.runs.compactMap(\.files.iterations.last)
      let layers = last.map(\.units.count).max() ?? 0
      guard layers > 0 else { return nil }
      return Kept(
        setting: setting,
        shares: (0..<layers).map { layer in
          let units = last.compactMap { $0.units.indices.contains(layer) ? $0.units[layer][family] : nil }
          guard let first = units.first, units.allSatisfy({ $0.original > 0 }) else { return nil }
          let share = units.reduce(0) { $0 + Double($1.kept) / Double($1.original) } / Double(units.count)
          let words =
            units.count == 1
            ? "\(HumanFormat.grouped(first.kept)) of \(HumanFormat.grouped(first.original))"
            : HumanFormat.percent(share)
          return (share, words)
        })
    }
  }

  private static func map(of family: String, _ method: String, _ comparison: Comparison) -> Markup? {
    let (title, units) = LayersSection.words(for: family)
    let columns = kept(family, method, comparison).map { kept in
      HeatMap.Column(
        shortLabel(kept.setting),
        kept.shares.map { cell in
          cell.map {
            HeatMap.Cell(
              value: $0.share, text: $0.words, title: "\($0.words) \(units), \(HumanFormat.percent($0.share))"
            )
          }
        })
    }
    guard columns.contains(where: { $0.cells.contains { $0 != nil } }) else { return nil }
    return HeatMap(
      title: "\(method): kept \(units) (\(title))",
      note: "By layer and target, as a share of the dense model's; the smallest model is large.",
      rowName: "layer", columnName: "target", columns: columns, domain: 0...1,
      ends: ("none kept", "all kept")
    ).markup
  }

  /// Fits above a column.
  private static func shortLabel(_ setting: Comparison.Setting) -> String {
    let label = setting.target?.label ?? ""
    let short = label.count <= 6 ? label : setting.share.map(HumanFormat.percent) ?? ""
    return short.replacing(".0%", with: "%")
  }

  private static func table(of family: String, _ method: String, _ comparison: Comparison) -> Markup? {
    let columns = kept(family, method, comparison)
    guard columns.contains(where: { $0.shares.contains { $0 != nil } }) else { return nil }
    let (title, units) = LayersSection.words(for: family)
    var table = Table(
      caption: "\(method): kept \(units) by layer and target",
      columns: [.init("Layer")]
        + columns.map { .init($0.setting.target?.label ?? $0.setting.method, isNumber: true) })
    for layer in 0..<(columns.map(\.shares.count).max() ?? 0) {
      table.add(
        [.text("\(layer)")]
          + columns.map { .text($0.shares.indices.contains(layer) ? $0.shares[layer]?.words ?? "" : "") })
    }
    return LayersSection.details("\(method): kept \(title), as numbers", table.markup)
  }

  // MARK: - Importances

  /// A statistic of the layers of the model as it came, once for all methods that saw the same.
  private static func importances(
    of name: String, _ comparison: Comparison
  ) -> [(methods: [String], values: [Double])] {
    var found: [(methods: [String], values: [Double])] = []
    for method in comparison.methods {
      let runs = comparison.pruned.filter { $0.method == method }.flatMap(\.runs)
      guard let first = runs.lazy.compactMap(\.files.iterations.first).first else { continue }
      let values = first.statistics.map { $0[name] ?? .nan }
      guard values.contains(where: \.isFinite) else { continue }
      if let place = found.firstIndex(where: { $0.values == values }) {
        found[place].methods.append(method)
      } else {
        found.append(([method], values))
      }
    }
    return found
  }

  private static func chart(of name: String, _ comparison: Comparison) -> Markup? {
    let found = importances(of: name, comparison)
    let series = found.map { entry in
      LineChart.Series(
        entry.methods.joined(separator: ", "),
        .curve(comparison.methods.firstIndex(of: entry.methods.first ?? "") ?? 0),
        [entry.values.enumerated().map { LineChart.Point(Double($0.offset), $0.element) }])
    }
    return LineChart(
      title: name,
      note:
        "By layer of the dense model, as \(found.map { $0.methods.joined(separator: ", ") }.joined(separator: "; ")) saw it.",
      xName: "layer", yName: name, series: series
    ).markup
  }

  private static func importanceTable(of name: String, _ comparison: Comparison) -> Markup {
    let found = importances(of: name, comparison)
    var table = Table(
      caption: "\(name) by layer of the dense model",
      columns: [.init("Layer")] + found.map { .init($0.methods.joined(separator: ", "), isNumber: true) })
    for layer in 0..<(found.map(\.values.count).max() ?? 0) {
      table.add(
        [.text("\(layer)")]
          + found.map {
            .text($0.values.indices.contains(layer) ? HumanFormat.measured($0.values[layer]) : "")
          })
    }
    return table.markup
  }
}
