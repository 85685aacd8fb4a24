/// A drawing with its caption. With JavaScript it also has a line with the values under the pointer.
struct Figure {
  /// An entry of the legend: what stands before the text, and the number of its curve.
  typealias Key = (markup: Markup, curve: Int?)

  let title: String
  /// Follows the title: what the drawing shows and how.
  let note: String
  /// What colours, dashes and marks mean.
  let legend: [(key: Key, text: String)]
  /// In the drawing's units.
  let width: Double
  let height: Double
  /// `lines`, `heat`.
  let kind: String
  /// The distance of horizontal neighbours in the order of the places to point at.
  let stride: Int
  let content: [Markup]

  var markup: Markup {
    let keys = legend.map { entry in
      Markup.tag("li", ["data-curve": entry.key.curve], [entry.key.markup, .text(entry.text)])
    }
    let caption: [Markup] = [.tag("strong", title), .text(note.isEmpty ? "" : " " + note)]
    let drawing = Markup.tag(
      "svg",
      [
        "viewBox": "0 0 \(Coordinate.text(width)) \(Coordinate.text(height))", "class": kind, "role": "img",
        "aria-label": "\(title). \(note)", "data-right": stride, "data-down": "1",
      ], content)
    return .tag(
      "figure", ["class": "plot"],
      [.tag("figcaption", caption)] + (keys.isEmpty ? [] : [.tag("ul", ["class": "legend"], keys)])
        + [drawing, .tag("p", ["class": "readout", "aria-live": "polite"])])
  }
}

/// Elements of drawings.
enum Drawing {
  /// Returns the key of a class of the style sheet.
  static func key(_ style: String) -> Figure.Key { (.tag("span", ["class": "key \(style)"]), nil) }

  static func text(
    _ text: String, x: Double, y: Double, anchor: String? = nil, style: String? = nil
  ) -> Markup { .tag("text", ["x": x, "y": y, "text-anchor": anchor, "class": style], text) }

  static func line(x1: Double, y1: Double, x2: Double, y2: Double, style: String) -> Markup {
    .tag("line", ["x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": style])
  }

  /// Returns the data of a path along straight lines: `M0 7L36 7`.
  static func path(_ points: [LineChart.Point]) -> String {
    points.enumerated().map { index, point in
      "\(index == 0 ? "M" : "L")\(Coordinate.text(point.x)) \(Coordinate.text(point.y))"
    }.joined()
  }

  /// Returns a rectangle that shows `title` when pointed at.
  static func place(
    x: Double, y: Double, width: Double, height: Double, opacity: Double? = nil, at centre: Double? = nil,
    title: String
  ) -> Markup {
    .tag(
      "rect",
      [
        "class": "hit", "x": x, "y": y, "width": width, "height": height, "fill-opacity": opacity,
        "data-x": centre,
      ], [.tag("title", title)])
  }
}
