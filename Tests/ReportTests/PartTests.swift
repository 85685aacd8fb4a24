import Foundation
import Report
import Testing

@Suite("Parts of a page")
struct PartTests {
  @Test("text is text, whatever it holds")
  func escaping() {
    #expect(
      Markup.escaped("<script>\"a\" & 'b'</script>")
        == "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;")
    #expect(Markup.escaped("a\tb\nc é 😀") == "a\tb\nc é 😀")
    #expect(Markup.escaped("\u{0}\u{1B}[31m\r\u{FFFE}") == "\u{FFFD}\u{FFFD}[31m\u{FFFD}\u{FFFD}")
    #expect(Markup.tag("p", ["title": "\"><x>"], "&").html == "<p title=\"&quot;&gt;&lt;x&gt;\">&amp;</p>\n")
  }

  @Test("only elements that HTML has as empty ones close themselves")
  func emptyElements() {
    #expect(Markup.tag("p").html == "<p></p>\n")
    #expect(Markup.tag("meta", ["charset": "utf-8", "name": nil]).html == "<meta charset=\"utf-8\"/>")
  }

  @Test("a table has a caption, and headings for its columns and rows; cells may be empty")
  func table() {
    let rows = [("one", "1"), ("two", nil)]
    let table = Markup.table(
      "Sizes", rows, [.text("stage") { $0.0 }, .number("Count", note: "of all") { $0.1 }])
    #expect(
      table.html == """
        <div class="scroll" tabindex="0" role="region" aria-label="Sizes"><table><caption><span>Sizes</span></caption>
        <thead><tr><th scope="col">Stage</th><th scope="col" class="number">Count<small>of all</small></th></tr>
        </thead><tbody><tr><th scope="row">one</th><td class="number">1</td></tr>
        <tr><th scope="row">two</th><td class="number"></td></tr>
        </tbody></table></div>
        """)
  }

  @Test("a curve goes from the lower left corner of its axes to the upper right one")
  func lineChart() throws {
    let points = [LineChart.Point(1, 0), LineChart.Point(2, 5), LineChart.Point(3, 10)]
    let chart = LineChart.markup(
      title: "Loss", note: "", xName: "step", yName: "loss", series: [.init("loss", .raw, [points])],
      markers: [(1, "train.1"), (3, "train.2")])
    let html = try #require(chart).html
    // The axes span 84…626 and 272…58.
    #expect(html.contains("<path class=\"raw\" d=\"M84 272L355 165L626 58\"/>"))
    #expect(html.contains("<title>step 2 (train.1): loss 5</title>"))
    #expect(html.contains("<title>step 3 (train.2): loss 10</title>"))
    // Half-way to the neighbours: 84…219.5…490.5…626.
    #expect(
      html.contains(
        "<rect class=\"hit\" x=\"219.5\" y=\"58\" width=\"271\" height=\"214\" data-x=\"355\"><title>step 2"))
    #expect(html.contains("<line x1=\"626\" y1=\"52\" x2=\"626\" y2=\"272\" class=\"round\"/>"))
  }

  @Test("a value that isn't finite interrupts a curve, and a lone value is a dot")
  func gaps() throws {
    let points = [LineChart.Point(1, 0), .init(2, .nan), .init(3, 10), .init(4, 0)]
    let chart = LineChart.markup(
      title: "t", note: "", xName: "x", yName: "y", series: [.init("y", .raw, [points])])
    let html = try #require(chart).html
    // A third of 542 is 180.67.
    #expect(html.contains("<circle class=\"raw\" cx=\"84\" cy=\"272\" r=\"3\"/>"))
    #expect(html.contains("<path class=\"raw\" d=\"M445.33 58L626 272\"/>"))
    let nothing = LineChart.markup(
      title: "t", note: "", xName: "x", yName: "y", series: [.init("y", .raw, [[.init(1, .infinity)]])])
    #expect(nothing == nil)
  }

  @Test("of very many points spikes are kept")
  func thinning() {
    var points = (0..<50_000).map { LineChart.Point(Double($0) / 100, Double($0 % 7)) }
    points[31_234] = LineChart.Point(312.34, 1000)
    points[31_250] = LineChart.Point(312.5, -1000)
    let thinned = Thinning.thinned(points)
    // 500 columns with four points each.
    #expect(thinned.count == 2000)
    #expect(thinned.first == points.first && thinned.last == points.last)
    #expect(thinned.contains(points[31_234]) && thinned.contains(points[31_250]))
    #expect(zip(thinned, thinned.dropFirst()).allSatisfy { $0.x < $1.x })
  }

  @Test("a long run's chart has no more places to point at than can be told apart")
  func manyPoints() throws {
    let points = (1...5000).map { LineChart.Point(Double($0), 1) }
    let chart = LineChart.markup(
      title: "t", note: "", xName: "step", yName: "y", series: [.init("y", .raw, [points])])
    let html = try #require(chart).html
    #expect(html.components(separatedBy: "class=\"hit\"").count - 1 == 240)
    #expect(html.contains("<title>step 1: ") && html.contains("<title>step 5,000: "))
  }

  @Test("shades go from a twentieth to all of the colour; what isn't known has none")
  func heatMap() throws {
    let cells = [0.0, 0.6, 1.0].map { (value: $0, text: "v\($0)", title: "value \($0)") }
    let map = HeatMap.markup(
      title: "t", note: "", rowName: "layer", columnName: "iteration",
      columns: [("1", [cells[0], nil]), ("2", [cells[1], cells[2]])], domain: 0...1,
      ends: ("none", "all"))
    let parsed = Parsed(try #require(map).html)
    #expect(parsed.error == nil)
    let places = parsed.elements.filter { $0.attributes["class"] == "hit" }
    // 0.05 + 0.6 · 0.95 = 0.62
    #expect(places.map { $0.attributes["fill-opacity"] } == ["0.05", "0", "0.62", "1"])
    #expect(
      places.map(\.text) == [
        "layer 0, iteration 1: value 0.0", "layer 1, iteration 1: not known",
        "layer 0, iteration 2: value 0.6",
        "layer 1, iteration 2: value 1.0",
      ])
    #expect(parsed.texts(of: "text").contains("v0.6") && !parsed.texts(of: "text").contains("v0.0"))
  }

  @Test("one layer unlike all others doesn't take the shades from them")
  func span() throws {
    let many = try #require(LayersSection.span(of: [-1000] + (1...18).map(Double.init) + [1000]))
    #expect(many == (1, 18))
    let few = try #require(LayersSection.span(of: [3, 1, 2]))
    #expect(few == (1, 3))
    let alike = try #require(LayersSection.span(of: Array(repeating: 0, count: 38) + [-5, 5]))
    #expect(alike == (-5, 5))
    #expect(LayersSection.span(of: []) == nil)
  }

  @Test("of many iterations the first and the last are always shown")
  func evenly() {
    #expect(LayersSection.evenly(Array(1...60)) == Array(1...60))
    let some = LayersSection.evenly(Array(1...1000))
    #expect(some.count == 60 && some.first == 1 && some.last == 1000)
    #expect(Set(some).count == 60)
  }
}
