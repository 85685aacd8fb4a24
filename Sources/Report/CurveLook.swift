/// How one of several curves looks: a colour, dashes, and marks of a shape.
///
/// There are eight colours, five kinds of dashes and seven shapes. These numbers share no factor. So no two of 280 curves
/// share all three (the Chinese remainder theorem), and curves less than 35 apart share at most one.
package struct CurveLook: Equatable {
  /// Counts from 0.
  package let number: Int

  package init(_ number: Int) { self.number = number }

  // The style sheet counts from 1.
  package var colour: Int { number % 8 + 1 }
  package var dash: Int { number % 5 + 1 }
  package var shape: Int { number % 7 + 1 }

  func path(_ data: String) -> Markup {
    .tag("path", ["class": "curve c\(colour) d\(dash)", "data-curve": number, "d": data])
  }

  func mark(x: Double, y: Double) -> Markup {
    let style = "mark c\(colour) m\(shape)"
    let (left, right, top, bottom) = (x - 4, x + 4, y - 4, y + 4)
    func closed(_ points: [LineChart.Point]) -> String { Drawing.path(points) + "Z" }
    let data: String
    switch shape {
    case 2: data = closed([.init(left, top), .init(right, top), .init(right, bottom), .init(left, bottom)])
    case 3: data = closed([.init(x, y - 5), .init(x + 5, bottom), .init(x - 5, bottom)])
    case 4: data = closed([.init(x, y - 5.5), .init(x + 5.5, y), .init(x, y + 5.5), .init(x - 5.5, y)])
    case 5: data = closed([.init(x - 5, top), .init(x + 5, top), .init(x, y + 5)])
    case 6:
      data =
        Drawing.path([.init(left, top), .init(right, bottom)])
        + Drawing.path([.init(left, bottom), .init(right, top)])
    default:
      // The first is a disc, the last a ring.
      return .tag("circle", ["class": style, "data-curve": number, "cx": x, "cy": y, "r": "4"])
    }
    return .tag("path", ["class": style, "data-curve": number, "d": data])
  }

  /// A piece of the curve, for a legend.
  var key: Markup {
    .tag(
      "svg", ["class": "key", "viewBox": "0 0 36 14", "aria-hidden": "true"],
      [path("M0 7L36 7"), mark(x: 18, y: 7)])
  }
}
