import Wording

/// What each method left of each layer, and how the layers were judged before anything was cut.
enum ComparedLayersSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    var content: [Markup] = []
    let families = Iteration.inOrder(comparison.runs.flatMap(\.files.iterations).flatMap(\.familyNames))
    let maps = comparison.methods.compactMap { KeptMap($0, families, comparison)?.table }
    if !maps.isEmpty {
      content += [
        .tag("h3", "Kept units"),
        .tag(
          "p",
          "What each method left of each layer, by target; the stronger the shade, the larger the share of the dense "
            + "model's units."
            + (comparison.pruned.contains { $0.runs.count > 1 }
              ? " Where seeds differ, it is their mean." : "")),
        .tag("div", ["class": "plots narrow"], maps),
      ]
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
        "Mean over the tokens, by layer of the dense model, as \(found.map { $0.methods.joined(separator: ", ") }.joined(separator: "; ")) saw it.",
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
