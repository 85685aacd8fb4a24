/// A drawing with its caption and, with JavaScript, a line that tells the values under the pointer.
struct Figure {
  let title: String
  /// After the title: what the drawing shows and how.
  let note: String
  /// What stands before a text of the legend.
  enum Key {
    /// A class of the style sheet.
    case box(String)
    case curve(CurveLook)

    var markup: Markup {
      switch self {
      case .box(let style): .tag("span", ["class": "key \(style)"])
      case .curve(let look): look.key
      }
    }

    var curve: String? {
      guard case .curve(let look) = self else { return nil }
      return "\(look.number)"
    }
  }

  /// What colours, dashes and marks stand for.
  let legend: [(key: Key, text: String)]
  /// In the drawing's units.
  let width: Double
  let height: Double
  /// `lines`, `heat`.
  let kind: String
  /// How far apart in the order of the places to point at are those side by side.
  let stride: Int
  let content: [Markup]

  var markup: Markup {
    let keys = legend.map { entry in
      Markup.tag("li", ["data-curve": entry.key.curve], [entry.key.markup, .text(entry.text)])
    }
    let size = "0 0 \(Coordinate.text(width)) \(Coordinate.text(height))"
    return .tag(
      "figure", ["class": "plot"],
      [
        .tag("figcaption", [:], [.tag("strong", title), .text(note.isEmpty ? "" : " " + note)])
      ] + (keys.isEmpty ? [] : [.tag("ul", ["class": "legend"], keys)]) + [
        .tag(
          "svg",
          [
            "viewBox": size, "class": kind, "role": "img", "aria-label": "\(title). \(note)",
            "data-right": "\(stride)", "data-down": "1",
          ], content),
        .tag("p", ["class": "readout", "aria-live": "polite"]),
      ])
  }
}

/// Elements of drawings.
enum Drawing {
  static func text(
    _ text: String, x: Double, y: Double, anchor: String = "start", style: String? = nil
  ) -> Markup {
    .tag(
      "text",
      [
        "x": Coordinate.text(x), "y": Coordinate.text(y), "text-anchor": anchor == "start" ? nil : anchor,
        "class": style,
      ], text)
  }

  static func line(x1: Double, y1: Double, x2: Double, y2: Double, style: String) -> Markup {
    .tag(
      "line",
      [
        "x1": Coordinate.text(x1), "y1": Coordinate.text(y1), "x2": Coordinate.text(x2),
        "y2": Coordinate.text(y2), "class": style,
      ])
  }

  /// A rectangle that tells `title` when pointed at.
  static func place(
    x: Double, y: Double, width: Double, height: Double, opacity: Double? = nil, at centre: Double? = nil,
    title: String
  ) -> Markup {
    .tag(
      "rect",
      [
        "class": "hit", "x": Coordinate.text(x), "y": Coordinate.text(y), "width": Coordinate.text(width),
        "height": Coordinate.text(height), "fill-opacity": opacity.map(Coordinate.text),
        "data-x": centre.map(Coordinate.text),
      ], [.tag("title", title)])
  }
}
