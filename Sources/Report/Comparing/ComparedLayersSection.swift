import Wording

/// What each method left of each layer, and the layers' importances before the first cut.
enum ComparedLayersSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    var content: [Markup] = []
    let iterations = comparison.runs.flatMap(\.files.iterations)
    let families = iterations.flatMap(\.familyNames).unique
    let maps = comparison.methods.compactMap { KeptMap.table($0, families, comparison) }
    if !maps.isEmpty {
      content += [
        .tag("h3", "Kept units"),
        .tag(
          "p",
          "What each method left of each layer, by target; the stronger the shade, the larger the share of the dense "
            + "model's units." + (comparison.severalSeeds ? " Where seeds differ, it is their mean." : "")),
        .tag("div", ["class": "plots narrow"], maps),
      ]
    }
    let statistics = iterations.flatMap(\.statisticNames).unique
      .map { (name: $0, curves: importances(of: $0, comparison)) }
    let charts = statistics.compactMap { chart(of: $0, $1, comparison) }
    if !charts.isEmpty {
      content += [.tag("h3", "Layer importances"), .tag("div", ["class": "plots"], charts)]
      content += statistics.map { .folded("\($0), as numbers", [table(of: $0, $1)]) }
    }
    return Page.Section(id: "layers", title: "Layers", content: content)
  }

  // MARK: - Importances

  /// A statistic by layer of the model as it came, and the methods that saw these values.
  private typealias Curve = (methods: [String], values: [Double])

  private static func importances(of name: String, _ comparison: Comparison) -> [Curve] {
    let seen = comparison.methods.compactMap { method -> (method: String, values: [Double])? in
      let runs = comparison.pruned.filter { $0.method == method }.flatMap(\.runs)
      let first = runs.lazy.compactMap(\.files.iterations.first).first
      let values = (first?.means(of: name) ?? []).map { $0 ?? .nan }
      return values.contains(where: \.isFinite) ? (method, values) : nil
    }
    return seen.groups(by: \.values).map { ($1.map(\.method), $0) }
  }

  private static func chart(of name: String, _ curves: [Curve], _ comparison: Comparison) -> Markup? {
    let series = curves.map { curve in
      LineChart.Series(
        curve.methods.joined(separator: ", "),
        .curve(comparison.methods.firstIndex(of: curve.methods.first ?? "") ?? 0),
        [curve.values.enumerated().map { LineChart.Point(Double($0.offset), $0.element) }])
    }
    let methods = curves.map { $0.methods.joined(separator: ", ") }.joined(separator: "; ")
    return LineChart.markup(
      title: name, note: "Mean over the tokens, by layer of the dense model, as \(methods) saw it.",
      xName: "layer", yName: name, series: series)
  }

  private static func table(of name: String, _ curves: [Curve]) -> Markup {
    .table(
      "\(name) by layer of the dense model", Array(0..<(curves.map(\.values.count).max() ?? 0)),
      [.text("Layer") { "\($0)" }]
        + curves.map { curve in
          let methods = curve.methods.joined(separator: ", ")
          return .number(methods, title: methods) { curve.values[safe: $0].map(HumanFormat.measured) }
        })
  }
}
