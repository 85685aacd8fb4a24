import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing

/// The tables of keys in `docs/pipelines.md` say what the fields of stages say.
@Suite struct FieldPagesTests {
  private func page() throws -> String {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("docs/pipelines.md")
    return try String(contentsOf: file, encoding: .utf8)
  }

  @Test func theTablesOfThePageAreThoseOfTheFields() throws {
    let page = try page()
    #expect(
      FieldPages.filled(page) == page,
      "run: adapt-pruner schema --fill docs/pipelines.md, and put what it prints into that file")
  }

  @Test func everyKindOfStageHasATable() throws {
    let page = try page()
    let kinds = StageKinds.shipped.all.map { $0.kind }
    #expect(kinds.count >= 6)
    for kind in kinds { #expect(page.contains("<!-- fields: \(kind) -->\n\n| key |"), "\(kind)") }
  }

  @Test func aTableThatIsOldIsReplacedAndTheRestStays() {
    let page = "a\n<!-- fields: save -->\n| old |\n<!-- end -->\nb\n<!-- fields: nothing -->\nc\n"
    let filled = FieldPages.filled(page)
    #expect(filled.hasPrefix("a\n<!-- fields: save -->\n\n| key | value | default | |\n"))
    #expect(
      filled.contains(
        "\n| `type` | `auto`, `float32`, `float16`, `bfloat16` | `auto` | The element type of the weights."))
    #expect(filled.hasSuffix("\n\n<!-- end -->\nb\n<!-- fields: nothing -->\nc\n"))
    #expect(!filled.contains("| old |"))
  }
}
