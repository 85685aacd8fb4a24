import JSON
import PluginRuntime

/// A resolved pipeline: defaults are filled in, inputs and paths resolved, plugins and their options checked.
/// `ManifestResolver` makes it from JSON; `json` turns it back.
public struct Manifest: Sendable, Equatable {
  public internal(set) var name = ""
  public internal(set) var description = ""
  /// The seed of all random numbers of the run.
  public internal(set) var seed = 0
  public internal(set) var stages: [Stage] = []

  /// A manifest with everything spelled out, which resolves to this one again.
  public var json: JSONValue { .object(Self.fields.json(of: self)) }

  static var fields: Fields<Self> {
    Fields(
      Manifest(),
      [
        Field(
          "$schema", "The place of this schema, for editors: \"./pipeline.schema.json\".",
          schema: ["type": "string"], read: { _, reader, _ in _ = reader.string("$schema") },
          write: { _ in nil }),
        Field.text("name", \.name, "The name of the pipeline. Default: its file's name.").standing(),
        Field.value(
          "description", \.description, "What the pipeline does, for people.", schema: ["type": "string"],
          read: { $0.string("description") }, write: { .string($0) }
        ).standing(),
        .integer(
          "seed", \.seed, 0...Int.max,
          """
          The seed of all random numbers of a run. Same pipeline, model, seed and thread count: same bytes.
          """),
        Field(
          "inputs",
          """
          Data that several stages use, each by a name of your choice. A null input must be set for a run: --set \
          inputs.NAME=PATH.
          """,
          schema: [
            "type": "object",
            "additionalProperties": ["anyOf": [["type": "null"], .object(.reference("file"))]],
          ], definitions: DataSource.definitions,
          read: { _, reader, _ in
            _ = reader.value("inputs", expected: "an object of named inputs", \.objectValue)
          }, write: { _ in nil }
        ).see("Data"),
        Field(
          "stages", "The stages, in their order; at least one.", schema: .reference("stages"),
          isRequired: true, read: { _, _, _ in }, write: { .array($0.stages.map(\.json)) }
        ).see("Stages"),
      ])
  }
}

/// One step of a pipeline.
public struct Stage: Sendable, Equatable {
  /// Unique in the manifest: see `StageNames`.
  public let name: String
  /// Its place in the manifest, for messages.
  public let path: JSONPath
  package let work: any StageKind

  public static func == (left: Stage, right: Stage) -> Bool {
    left.name == right.name && left.path == right.path && left.work.isSame(as: right.work)
  }

  var json: JSONValue { work.json(named: name) }

  /// The same with another share of the original model as its target. Nil if it has no such target.
  func aiming(at share: Double) -> Stage? {
    work.aiming(at: share).map { Stage(name: name, path: path, work: $0) }
  }
}

/// A plugin with its options, which fit its schema.
public struct PluginUse: Sendable, Equatable {
  public let id: String
  /// All options, defaults filled in. Data options hold `data`'s sources in JSON.
  public let options: JSONObject
  /// The sources behind the data options, by the option's key.
  public let data: [String: DataSource]
  /// The plugin's answers about these options.
  public let answers: PluginCatalog.Answers
  /// The limits of its own process. Nil: it is loaded into this one.
  public internal(set) var isolation: Isolation?

  /// Stands for a plugin that could not be read.
  static let unread = PluginUse(id: "", options: [:], data: [:], answers: PluginCatalog.Answers())

  public var statistics: [Statistic] { answers.statistics }

  /// The plugin as it stands in a resolved manifest.
  public var json: JSONValue { ["id": .string(id), "options": .object(options)] }

  var words: String {
    let options = options.members.map { member in
      if let source = data[member.key] { return "\(member.key)=\(source.path)" }
      return "\(member.key)=\(member.value.stringValue ?? member.value.compact)"
    }
    return id + (options.isEmpty ? "" : " (\(options.joined(separator: ", ")))")
  }
}
