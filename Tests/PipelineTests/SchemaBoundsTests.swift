import Foundation
import JSON
import Pipeline
import Testing

/// The defaults and bounds that the shipped schema gives for a train stage are the reader's.
@Suite struct SchemaBoundsTests {
  /// An object of a train stage: where the schema describes it, and what makes the stage one that may have its keys.
  struct Part: Sendable {
    let path: [String]
    /// The member of the stage that holds the keys; nil for the stage itself.
    let member: String?
    /// What the keys need beside them.
    let company: JSONObject

    static let all = [
      Part(path: ["train", "properties"], member: nil, company: [:]),
      Part(path: ["optimizer", "properties"], member: "optimizer", company: [:]),
      Part(path: ["schedule", "anyOf", "1", "properties"], member: "schedule", company: ["kind": "wsd"]),
      Part(path: ["recovery", "anyOf", "2", "properties"], member: "recovery", company: ["kind": "lora"]),
      Part(path: ["recovery", "anyOf", "3", "properties"], member: "recovery", company: ["kind": "distill"]),
      Part(
        path: ["trainingInput", "anyOf", "1", "properties"], member: "data", company: ["path": "lines.jsonl"]),
    ]

    func stage(_ members: JSONObject) -> String {
      var inner = company
      for item in members.members { inner[item.key] = item.value }
      var stage: JSONObject = ["stage": "train", "data": "text.txt", "steps": 10]
      if let member {
        stage[member] = .object(inner)
      } else {
        for item in inner.members { stage[item.key] = item.value }
      }
      return JSONValue.object(["stages": [.object(stage)]]).compact
    }
  }

  let folder: TemporaryFolder
  private let definitions: JSONValue

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("text.txt", "some text")
    try folder.write("lines.jsonl", "{\"text\": \"a\"}\n")
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("pipelines/pipeline.schema.json")
    definitions = try #require(try JSONValue(parsing: Array(Data(contentsOf: file)))["$defs"])
  }

  private func properties(_ part: Part) throws -> JSONObject {
    let found = part.path.reduce(definitions as JSONValue?) { node, step in
      Int(step).map { node?.arrayValue?[$0] } ?? node?[step]
    }
    return try #require(found?.objectValue)
  }

  @Test func whatTheSchemaCallsADefaultIsWhatIsTakenWhereNothingIsSaid() throws {
    var compared = 0
    for part in Part.all {
      let without = try resolve(part.stage([:]), in: folder)
      for item in try properties(part).members {
        // The input's loss is all of a text; the default that is described is that of formats with answers.
        guard let standard = item.value["default"], item.key != "completions_only" else { continue }
        let with = try resolve(part.stage([item.key: standard]), in: folder)
        #expect(with.stages == without.stages, "\(part.path) \(item.key)")
        compared += 1
      }
    }
    #expect(compared > 20)
  }

  @Test func theReaderHasTheSchemasBounds() throws {
    var compared = 0
    for part in Part.all {
      for item in try properties(part).members {
        func accepts(_ value: JSONValue) throws -> Bool {
          try problems(part.stage([item.key: value]), in: folder).isEmpty
        }
        let isInteger = item.value["type"] == "integer"
        func beyond(_ bound: Double, _ sign: Double) -> JSONValue {
          isInteger ? .integer(Int(bound + sign)) : .number(bound + sign * max(abs(bound) * 1e-3, 1e-31))
        }
        for (key, sign) in [("minimum", -1.0), ("maximum", 1.0)] {
          guard let value = item.value[key], let bound = value.numberValue else { continue }
          #expect(try accepts(value), "\(part.path) \(item.key) \(value.compact)")
          let outside = beyond(bound, sign)
          #expect(try !accepts(outside), "\(part.path) \(item.key) \(outside.compact)")
          compared += 1
        }
        guard let value = item.value["exclusiveMinimum"], let bound = value.numberValue else { continue }
        #expect(try !accepts(value), "\(part.path) \(item.key) \(value.compact)")
        #expect(try accepts(beyond(bound, 1)), "\(part.path) \(item.key)")
        compared += 1
      }
    }
    #expect(compared > 35)
  }
}
