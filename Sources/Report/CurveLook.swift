/// What one of several curves looks like: a colour, dashes, and marks of a shape.
///
/// There are eight colours, five sorts of dashes and seven shapes, which share no factor. So two curves whose numbers are
/// less than 35 apart have at most one of the three in common, and up to 280 curves no two have all three (the Chinese
/// remainder theorem).
package struct CurveLook: Equatable {
  /// From 0.
  package let number: Int

  package init(_ number: Int) { self.number = number }

  package static let colours = 8
  package static let dashes = 5
  package static let shapes = 7

  /// From 1, as the style sheet counts.
  package var colour: Int { number % Self.colours + 1 }
  package var dash: Int { number % Self.dashes + 1 }
  package var shape: Int { number % Self.shapes + 1 }

  func path(_ data: String) -> Markup {
    .tag("path", ["class": "curve c\(colour) d\(dash)", "data-curve": "\(number)", "d": data])
  }

  func mark(x: Double, y: Double) -> Markup {
    let style = "mark c\(colour) m\(shape)"
    let (left, right, top, bottom) = (x - 4, x + 4, y - 4, y + 4)
    func path(_ points: [(Double, Double)], isClosed: Bool = true) -> String {
      points.enumerated().map { index, point in
        "\(index == 0 ? "M" : "L")\(Coordinate.text(point.0)) \(Coordinate.text(point.1))"
      }.joined() + (isClosed ? "Z" : "")
    }
    let data: String
    switch shape {
    case 2: data = path([(left, top), (right, top), (right, bottom), (left, bottom)])
    case 3: data = path([(x, y - 5), (x + 5, bottom), (x - 5, bottom)])
    case 4: data = path([(x, y - 5.5), (x + 5.5, y), (x, y + 5.5), (x - 5.5, y)])
    case 5: data = path([(x - 5, top), (x + 5, top), (x, y + 5)])
    case 6:
      data =
        path([(left, top), (right, bottom)], isClosed: false)
        + path([(left, bottom), (right, top)], isClosed: false)
    default:
      // The first is a disc, the last a ring.
      return .tag(
        "circle",
        [
          "class": style, "data-curve": "\(number)", "cx": Coordinate.text(x), "cy": Coordinate.text(y),
          "r": "4",
        ])
    }
    return .tag("path", ["class": style, "data-curve": "\(number)", "d": data])
  }

  /// A piece of the curve, for a legend.
  var key: Markup {
    .tag(
      "svg", ["class": "key", "viewBox": "0 0 36 14", "aria-hidden": "true"],
      [path("M0 7L36 7"), mark(x: 18, y: 7)])
  }
}
