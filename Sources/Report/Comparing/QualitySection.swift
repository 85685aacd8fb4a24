import Wording

/// The quality of each method's models against their size.
enum QualitySection {
  /// From this ratio of the largest to the least value on, the y axis is logarithmic.
  private static let wideRange = 20.0

  static func section(_ comparison: Comparison, _ tables: ComparisonTables) -> Page.Section {
    let charts = comparison.measurements.compactMap { chart(comparison, $0) }
    let caption =
      "What each method came to"
      + (comparison.severalSeeds
        ? "; of several seeds the mean and the range, else the standard error where it is known"
        : "; metrics with their standard errors, where these are known")
    return Page.Section(
      id: "quality", title: "Quality against size",
      content: (charts.isEmpty ? [] : [.tag("div", ["class": "plots"], charts)])
        + Markup.tables(caption, comparison.settings, tables.results))
  }

  private static func chart(_ comparison: Comparison, _ measurement: Measurement) -> Markup? {
    let dense = comparison.unpruned.flatMap { point($0, measurement) }
    var isInfinite = false
    let series: [LineChart.Series] = comparison.methods.enumerated().compactMap { index, method in
      let points = comparison.pruned.filter { $0.method == method }.compactMap { point($0, measurement) }
      if points.isEmpty { return nil }
      isInfinite = isInfinite || points.contains { $0.y.isInfinite }
      // The curve begins where all of them do.
      return LineChart.Series(
        method, .curve(index), [((dense.map { [$0] } ?? []) + points).sorted { $0.x < $1.x }])
    }
    let values = series.flatMap { $0.segments.joined() }.map(\.y)
    guard let low = values.min(), let high = values.max() else { return nil }
    let isLogarithmic = low > 0 && high / low >= wideRange
    var notes = [
      "Mean over seeds; the dense model is at 100%.",
      comparison.lowerIsBetter(measurement).map { ResultsSection.direction($0).sentence } ?? "",
    ]
    if isLogarithmic { notes.append("The y axis is logarithmic.") }
    if isInfinite { notes.append("What is infinite is not drawn.") }
    let name = comparison.name(of: measurement)
    return LineChart.markup(
      title: name, note: notes.filter { !$0.isEmpty }.joined(separator: " "),
      xName: "parameters, % of the dense model", yName: name, series: series, isLogarithmic: isLogarithmic,
      grain: 0.5)
  }

  private static func point(
    _ setting: Comparison.Setting, _ measurement: Measurement
  ) -> LineChart.Point? {
    let values = setting.metrics(measurement).map(\.value)
    guard let share = setting.share, !values.isEmpty else { return nil }
    return LineChart.Point(share * 100, values.mean)
  }
}
