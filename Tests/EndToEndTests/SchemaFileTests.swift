import Foundation
import JSON
import Testing

/// The schema that is shipped is the one that the program prints.
@Suite(.enabled(if: Program.isBuilt, Program.missing)) struct SchemaFileTests {
  private let scratch = Scratch()

  private func shipped() throws -> String {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("pipelines/pipeline.schema.json")
    return try String(contentsOf: file, encoding: .utf8)
  }

  @Test func theShippedSchemaIsTheProgramsOwn() throws {
    let answer = try Program.call(["schema"], in: scratch)
    #expect(answer.code == 0, "\(answer.error)")
    #expect(answer.output == (try shipped()), "run: make fields")
  }

  @Test func itHasEveryShippedPluginWithItsOptions() throws {
    let definitions = try #require(try JSONValue(parsing: shipped())["$defs"])
    let plugins = try JSONValue(parsing: Program.call(["plugin", "--json"], in: scratch).output)["plugins"]
    var seen = 0
    for plugin in try #require(plugins?.arrayValue) {
      let (id, kind) = (try #require(plugin["id"]), try #require(plugin["kind"]?.stringValue))
      let ids = definitions["\(kind)ID"]?["anyOf"]?.arrayValue?.map { $0["const"] } ?? []
      #expect(ids.contains(id), "\(id)")
      let rule = definitions["\(kind)Plugin"]?["anyOf"]?.arrayValue?.last?["allOf"]?.arrayValue?.first {
        $0["if"]?["properties"]?["id"]?["const"] == id
      }
      let described = try Program.call(["plugin", "describe", id.stringValue ?? "", "--json"], in: scratch)
      let options = try #require(try JSONValue(parsing: described.output)["options"]?.arrayValue)
      let properties = rule?["then"]?["properties"]?["options"]?["properties"]?.objectValue
      #expect(properties?.keys == options.compactMap { $0["name"]?.stringValue }, "\(id)")
      seen += 1
    }
    #expect(seen >= 15)
  }
}
