import Foundation
import Report
import Testing

@Suite("Many curves in one drawing")
struct CurveLookTests {
  @Test("any two of 35 curves have at most one of colour, dashes and marks in common")
  func apart() {
    let looks = (0..<35).map { CurveLook($0) }
    for (index, look) in looks.enumerated() {
      for other in looks[(index + 1)...] {
        let common = [look.colour == other.colour, look.dash == other.dash, look.shape == other.shape]
        #expect(common.count { $0 } <= 1, "\(look.number) and \(other.number)")
      }
    }
    #expect(CurveLook(0).colour == 1 && CurveLook(34).colour == 3 && CurveLook(34).dash == 5)
  }

  @Test("the legend shows line and mark of each curve")
  func legend() throws {
    let chart = LineChart.markup(
      title: "t", note: "", xName: "x", yName: "y",
      series: (0..<3).map { .init("m\($0)", .curve($0), [[.init(1, Double($0)), .init(2, 0)]]) })
    let parsed = Parsed(try #require(chart).html)
    #expect(parsed.error == nil)
    let entries = parsed.elements.filter { $0.name == "li" }
    #expect(entries.map { $0.text.trimmingCharacters(in: .newlines) } == ["m0", "m1", "m2"])
    #expect(entries.map { $0.attributes["data-curve"] } == ["0", "1", "2"])
    let keys = parsed.elements.filter { $0.attributes["d"] == "M0 7L36 7" }
    #expect(keys.map { $0.attributes["class"] } == ["curve c1 d1", "curve c2 d2", "curve c3 d3"])
    // Each has a mark in the legend, and one at each of its two points.
    let marks = parsed.elements.compactMap { $0.attributes["class"] }.filter { $0.hasPrefix("mark") }
    for style in ["mark c1 m1", "mark c2 m2", "mark c3 m3"] { #expect(marks.count { $0 == style } == 3) }
    // The uppermost value first; of equal ones the legend's first.
    #expect(parsed.texts(of: "title") == ["x 1: m2 2, m1 1, m0 0", "x 2: m0 0, m1 0, m2 0"])
  }
}
