import Foundation
import JSON
import Report
import Testing

@Suite("What a run kept")
struct KeptTests {
  let folder: ComparisonFolder

  init() throws {
    folder = try ComparisonFolder()
    try folder.writeRun("a", method: "a", target: 0.5, items: [1, 2])
    try folder.writeRecord(["a"])
  }

  private func writeIteration(_ number: Int, stage: String, _ layers: [String]) throws {
    let all = layers.map { "{\"statistics\": {}, \"families\": {\($0)}}" }.joined(separator: ", ")
    try folder.write(
      "{\"number\": \(number), \"stage\": \"\(stage)\", \"layers\": [\(all)]}",
      to: "a/iterations/00\(number).json")
  }

  private func cells() throws -> [String] {
    Parsed(try ComparisonReport.page(of: folder.path).html).elements
      .compactMap { $0.attributes["title"] }.filter { $0.hasPrefix("layer") }
  }

  @Test("of a model that lost layers in one stage and channels in the next both are shown")
  func twoStages() throws {
    try writeIteration(
      1, stage: "depth",
      [
        "\"layer\": {\"original_count\": 1, \"kept\": [0]}",
        "\"layer\": {\"original_count\": 1, \"kept\": []}",
      ])
    try writeIteration(
      2, stage: "width",
      [
        "\"mlp\": {\"original_count\": 8, \"kept\": [0, 1]}",
        "\"mlp\": {\"original_count\": 8, \"kept\": []}",
      ])
    #expect(
      try cells() == [
        "layer 0, layers as a whole, target 50.0%: 1 of 1 layers, 100.0%",
        "layer 0, MLP, target 50.0%: 2 of 8 channels, 25.0%",
        "layer 1, layers as a whole, target 50.0%: 0 of 1 layers, 0.0%",
        "layer 1, MLP, target 50.0%: 0 of 8 channels, 0.0%",
      ])
    let json = try JSONValue(parsing: try RunReport.text(of: folder.path + "/a", as: .json))
    #expect(
      json["layers"]?.arrayValue?.last?["families"] == [
        "layer": ["original_count": 1, "kept": 0], "mlp": ["original_count": 8, "kept": 0],
      ])
    // A run's own page shows of each family the iterations that cut it.
    let parsed = Parsed(try RunReport.page(of: folder.path + "/a").html)
    let places = parsed.texts(of: "title").filter { $0.hasPrefix("layer") }
    #expect(
      places == [
        "layer 0, iteration 1: 1 of 1 layers, 100.0%", "layer 1, iteration 1: 0 of 1 layers, 0.0%",
        "layer 0, iteration 2: 2 of 8 channels, 25.0%", "layer 1, iteration 2: 0 of 8 channels, 0.0%",
      ])
  }

  @Test("a sliced residual stream has its widths")
  func sliced() throws {
    let widths = "\"attention_stream\": {\"original_count\": 64, \"kept\": 48}"
    try writeIteration(1, stage: "transform", [widths, widths])
    #expect(
      try cells().first == "layer 0, residual stream before attention, target 50.0%: 48 of 64 columns, 75.0%")
  }
}
