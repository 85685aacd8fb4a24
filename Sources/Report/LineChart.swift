import Foundation
import Wording

/// Curves over one axis. Raw values are faint; their means, or curves of several methods, are strong.
package struct LineChart {
  package typealias Point = SIMD2<Double>
  /// A place on the x axis from which something else holds.
  package typealias Marker = (x: Double, label: String)

  /// How a curve looks.
  package enum Style: Equatable {
    case raw, mean
    /// One of several alike, from 0: a line, and a mark for each point.
    case curve(Int)

    fileprivate var legend: Figure.Key {
      switch self {
      case .raw: Drawing.key("raw")
      case .mean: Drawing.key("mean")
      case .curve(let number): (CurveLook(number).key, number)
      }
    }
  }

  package struct Series {
    /// Stands before the values: `loss`, `mean of 5 steps`.
    let name: String
    let style: Style
    /// Each is a line of its own. A value that isn't finite ends a line too.
    let segments: [[Point]]

    package init(_ name: String, _ style: Style, _ segments: [[Point]]) {
      self.name = name
      self.style = style
      self.segments = segments.flatMap { segment in
        segment.split { !$0.x.isFinite || !$0.y.isFinite }.map(Array.init)
      }
    }
  }

  let title: String
  let note: String
  /// What the x axis counts, as it stands before a value: `step`.
  let xName: String
  let yName: String
  /// `nats a target`; nil for a bare number.
  let yUnit: String?
  /// The first lies below the others.
  let series: [Series]
  /// Ascending.
  let markers: [Marker]
  /// Whether the y axis shows powers of ten. Values at or below zero are then not drawn.
  let isLogarithmic: Bool
  /// Points that are nearer to each other along the x axis are pointed at together.
  let grain: Double

  /// Returns the drawing; nil if there is nothing finite to draw.
  package static func markup(
    title: String, note: String, xName: String, yName: String, yUnit: String? = nil,
    series: [Series], markers: [Marker] = [], isLogarithmic: Bool = false, grain: Double = 0
  ) -> Markup? {
    LineChart(
      title: title, note: note, xName: xName, yName: yName, yUnit: yUnit, series: series, markers: markers,
      isLogarithmic: isLogarithmic, grain: grain
    ).markup
  }

  // Places are in units of the drawing; a phone shows about two to a pixel. The margins are wide, since they hold text
  // in both of the style sheet's sizes.
  static let width = 640.0
  private static let left = 84.0
  private static let right = 626.0
  private static let top = 58.0
  /// Three curves or more need more room.
  private var bottom: Double { series.count > 2 ? 412 : 272 }
  private var height: Double { bottom + 58 }
  /// More places than this to point at can't be told apart.
  private static let mostPlaces = 240

  private var markup: Markup? {
    let points = series.flatMap { $0.segments.joined() }.filter { !isLogarithmic || $0.y > 0 }
    guard let low = points.map(\.x).min(), let high = points.map(\.x).max(),
      let least = points.map(\.y).min(), let most = points.map(\.y).max()
    else { return nil }
    let yTicks =
      isLogarithmic
      ? Ticks(powersCovering: least...most) : Ticks(covering: least...most, about: 5, longest: 1e5)
    let xTicks = Ticks(covering: low...high, about: 5, wholeOnly: true)
    let x = Scale(domain: low...high, start: Self.left, end: Self.right)
    let y = Scale(
      domain: scaled(yTicks.values.first ?? least)...scaled(yTicks.values.last ?? most), start: bottom,
      end: Self.top)
    let content =
      axes(x, xTicks, y, yTicks) + rounds(x) + curves(x, y)
      + [Drawing.line(x1: 0, y1: Self.top, x2: 0, y2: bottom, style: "cross")] + places(x)
    return Figure(
      title: title, note: note,
      legend: series.count > 1 ? series.map { ($0.style.legend, $0.name) } : [],
      width: Self.width, height: height, kind: "lines", stride: 1, content: content
    ).markup
  }

  /// Returns a value as the y axis measures it.
  private func scaled(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }

  private func axes(_ x: Scale, _ xTicks: Ticks, _ y: Scale, _ yTicks: Ticks) -> [Markup] {
    var content: [Markup] = []
    for (value, label) in zip(yTicks.values, yTicks.labels) {
      let place = y.place(scaled(value))
      content.append(Drawing.line(x1: Self.left, y1: place, x2: Self.right, y2: place, style: "grid"))
      content.append(Drawing.text(label, x: Self.left - 8, y: place + 5, anchor: "end"))
    }
    var free = 0.0
    for (value, label) in zip(xTicks.values, xTicks.labels) where x.domain.contains(value) {
      let place = x.place(value)
      content.append(Drawing.line(x1: place, y1: bottom, x2: place, y2: bottom + 6, style: "axis"))
      // A label that would run into the one before, or over the drawing's end, is left out.
      let width = 13 * Double(label.count)
      let centre = min(place, Self.width - width / 2)
      guard centre - width / 2 >= free else { continue }
      content.append(Drawing.text(label, x: centre, y: bottom + 24, anchor: "middle"))
      free = centre + width / 2
    }
    return content + [
      Drawing.line(x1: Self.left, y1: bottom, x2: Self.right, y2: bottom, style: "axis"),
      Drawing.text(Self.name(yName, yTicks.factor, yUnit), x: 4, y: 20, style: "name"),
      Drawing.text(
        Self.name(xName, xTicks.factor, nil), x: (Self.left + Self.right) / 2, y: height - 8,
        anchor: "middle", style: "name"),
    ]
  }

  /// `loss [nats a target]`, `learning rate [10⁻⁴]`.
  private static func name(_ name: String, _ factor: String?, _ unit: String?) -> String {
    let bracket = [factor, unit].compactMap(\.self)
    return bracket.isEmpty ? name : "\(name) [\(bracket.joined(separator: " "))]"
  }

  /// A line for each marker, and a label where there is room.
  private func rounds(_ x: Scale) -> [Markup] {
    var content: [Markup] = []
    var free = 0.0
    for marker in markers where x.domain.contains(marker.x) {
      let place = x.place(marker.x)
      content.append(Drawing.line(x1: place, y1: Self.top - 6, x2: place, y2: bottom, style: "round"))
      let width = 12 * Double(marker.label.count)
      if place >= free, place + width <= Self.width {
        content.append(Drawing.text(marker.label, x: place + 4, y: Self.top - 10, style: "round"))
        free = place + width + 12
      }
    }
    return content
  }

  private func curves(_ x: Scale, _ y: Scale) -> [Markup] {
    series.flatMap { series in
      series.segments.flatMap { segment -> [Markup] in
        let shown = segment.filter { !isLogarithmic || $0.y > 0 }
        let drawn = Thinning.thinned(shown.map { Point(x.place($0.x), y.place(scaled($0.y))) })
        let path = Drawing.path(drawn)
        if case .curve(let number) = series.style {
          let look = CurveLook(number)
          return (drawn.count > 1 ? [look.path(path)] : []) + drawn.map { look.mark(x: $0.x, y: $0.y) }
        }
        let style = series.style == .raw ? "raw" : "mean"
        // A lone value is a dot.
        return drawn.count > 1
          ? [.tag("path", ["class": style, "d": path])]
          : drawn.map { .tag("circle", ["class": style, "cx": $0.x, "cy": $0.y, "r": "3"]) }
      }
    }
  }

  /// Bands to point at, each with its values. A band ends half-way to the next point.
  private func places(_ x: Scale) -> [Markup] {
    var values: [Double: [(name: String, value: Double)]] = [:]
    for series in series {
      for point in series.segments.joined() {
        let place = grain > 0 ? (point.x / grain).rounded() * grain : point.x
        values[place, default: []].append((series.name, point.y))
      }
    }
    var shown = values.keys.sorted()
    if shown.count > Self.mostPlaces {
      let all = shown
      shown = (0..<Self.mostPlaces).map { all[$0 * (all.count - 1) / (Self.mostPlaces - 1)] }
    }
    return shown.enumerated().map { index, value in
      let centre = min(max(x.place(value), Self.left), Self.right)
      let start = index == 0 ? Self.left : (x.place(shown[index - 1]) + centre) / 2
      let end = index + 1 == shown.count ? Self.right : (x.place(shown[index + 1]) + centre) / 2
      let name = Int(exactly: value).map(HumanFormat.grouped) ?? HumanFormat.measured(value)
      let round = markers.last { $0.x <= value }.map { " (\($0.label))" } ?? ""
      let words = sorted(values[value] ?? []).map { "\($0.name) \(HumanFormat.measured($0.value))" }
      return Drawing.place(
        x: start, y: Self.top, width: max(0, end - start), height: bottom - Self.top, at: centre,
        title: "\(xName) \(name)\(round): \(words.joined(separator: ", "))")
    }
  }

  /// Sorts the values of several curves as they lie there, the uppermost first. Equal ones stay in the legend's order.
  private func sorted(_ values: [(name: String, value: Double)]) -> [(name: String, value: Double)] {
    guard case .curve = series.first?.style else { return values }
    return values.enumerated().sorted { left, right in
      left.element.value == right.element.value
        ? left.offset < right.offset : left.element.value > right.element.value
    }.map(\.element)
  }
}

/// Leaves out points that would not show. Each column a unit wide keeps its first, lowest, highest and last point, so
/// that no spike is lost.
package enum Thinning {
  package static func thinned(_ points: [LineChart.Point]) -> [LineChart.Point] {
    guard points.count > 2000 else { return points }
    var kept: [LineChart.Point] = []
    var column: [LineChart.Point] = []
    func close() {
      guard let first = column.first, let last = column.last else { return }
      let between = column.dropFirst().dropLast()
      let low = between.indices.min { between[$0].y < between[$1].y }
      let high = between.indices.max { between[$0].y < between[$1].y }
      kept.append(first)
      for index in Set([low, high].compactMap(\.self)).sorted() { kept.append(between[index]) }
      if column.count > 1 { kept.append(last) }
      column = []
    }
    for point in points {
      if let last = column.last, last.x.rounded(.down) != point.x.rounded(.down) { close() }
      column.append(point)
    }
    close()
    return kept
  }
}
