import Foundation
import Report
import Testing

/// Methods `m0`, `m1`, …, each harder by 0.5 than the one before on every item.
@Suite("Many methods side by side")
struct ManyMethodsTests {
  let folder: ComparisonFolder

  init() throws {
    folder = try ComparisonFolder()
    try folder.writeRecord(try folder.writeMethods(5, targets: [0.8, 0.6]).reversed())
  }

  private func matrix() throws -> PairMatrix {
    let comparison = try Comparison(folder: folder.path)
    let measurement = try #require(comparison.measurements.first)
    return PairMatrix(comparison.pairs.filter { $0.first.target?.label == "80.0%" }, measurement)
  }

  @Test("in the table of pairs the best comes first, and what is better across is worse down")
  func matrixOrder() throws {
    let matrix = try matrix()
    #expect(matrix.methods.map(\.method) == ["m0", "m1", "m2", "m3", "m4"] && matrix.hasUnpruned)
    let outcomes = matrix.methods.map { row in
      matrix.methods.map { matrix.entry(row, $0.method)?.outcome }
    }
    #expect(outcomes[0] == [nil, .better, .better, .better, .better])
    #expect(outcomes[4] == [.worse, .worse, .worse, .worse, nil])
    let entry = try #require(matrix.entry(matrix.methods[3], "m1"))
    #expect(entry.difference == PairedDifference(mean: 1, low: 1, high: 1, items: 4))
    #expect(matrix.entry(matrix.methods[1], "m3")?.difference?.mean == -1)
    #expect(matrix.entry(matrix.methods[0], "dense")?.outcome == .worse)
  }

  @Test(
    "of many pairs the page has a table of all against all for each target, with the list folded behind it")
  func folded() throws {
    let parsed = Parsed(try ComparisonReport.page(of: folder.path).html)
    #expect(parsed.error == nil)
    let captions = parsed.texts(of: "caption")
    #expect(captions.contains("text.mean_nll@4 at 80.0% Lower is better."))
    #expect(captions.contains("text.mean_nll@4 at 60.0% Lower is better."))
    // 5 with the dense model, 5 · 4 / 2 with each other.
    let summary = "The 15 pairs at 80.0% with their intervals; a difference is shown in 15 of them"
    #expect(parsed.texts(of: "summary").contains(summary))
    let titles = parsed.elements.compactMap { $0.attributes["title"] }
    #expect(titles.contains("m0 − m1: -0.5 (-0.5 to -0.5) over 4 items, m0 is better"))
  }

  @Test("on a terminal many pairs have a sign each")
  func terminal() throws {
    try folder.writeRecord(try folder.writeMethods(9, targets: [0.8]))
    let text = try ComparisonReport.terminalText(of: folder.path)
    // The third is worse than the dense model and the two before it.
    #expect(text.contains("3 m2          -  -  -     +  +  +  +  +  +\n"))
    #expect(text.contains("all 45 pairs"))
    #expect(!text.contains("is better"))
  }

  @Test("an interval off zero does not seem to touch it")
  func offZero() {
    let near = PairedDifference(mean: -0.0272, low: -0.0538, high: -0.0004, items: 40)
    #expect(ComparisonTables.words(near) == ("-0.027", "-0.054 to -0.0004"))
    let across = PairedDifference(mean: -0.0272, low: -0.0538, high: 0.0004, items: 40)
    #expect(ComparisonTables.words(across) == ("-0.027", "-0.054 to 0.000"))
  }

  @Test("samples of many models are folded by target")
  func samples() throws {
    let names = try folder.writeMethods(7, targets: [0.8, 0.6])
    let samples = names.map { name in
      let run = name == "dense" ? "null" : "\"\(name)\""
      return "{\"run\": \(run), \"prompt\": \"Once\", \"text\": \"upon\", \"maximum_tokens\": 8}"
    }
    try folder.writeRecord(names, more: ", \"samples\": [\(samples.joined(separator: ", "))]")
    let parsed = Parsed(try ComparisonReport.page(of: folder.path).html)
    let summaries = parsed.texts(of: "summary").filter { $0.hasSuffix("models") }
    #expect(summaries == ["At 80.0%: 7 models", "At 60.0%: 7 models"])
    #expect(parsed.elements.filter { $0.name == "details" }.count { $0.attributes["open"] != nil } == 1)
  }
}
