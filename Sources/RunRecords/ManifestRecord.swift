import JSON

/// `manifest.json`: the resolved pipeline, as a report needs it. A report refuses nothing; a run that goes on resolves the
/// file as any pipeline.
package struct ManifestRecord: Sendable {
  /// The file's content; null if the file is missing.
  package let document: JSONValue
  /// The outermost stages.
  package let stages: [Stage]

  package init(_ document: JSONValue) {
    self.document = document
    stages = Stage.all(in: document)
  }

  package var name: String? { document["name"]?.stringValue }
  package var description: String? { document["description"]?.stringValue }
  package var seed: Int? { document["seed"]?.integerValue }
  /// All stages, each before those within it.
  package var allStages: [Stage] { stages.flatMap(\.all) }

  /// A stage.
  package struct Stage: Sendable {
    private let json: JSONValue
    /// `evaluate`, `prune`, `transform`, `train`, `save`, `repeat`.
    package let kind: String
    /// The stages of a repeat.
    package let inner: [Stage]

    fileprivate static func all(in json: JSONValue) -> [Stage] {
      (json["stages"]?.arrayValue ?? []).map {
        Stage(json: $0, kind: $0["stage"]?.stringValue ?? "", inner: all(in: $0))
      }
    }

    package var all: [Stage] { [self] + inner.flatMap(\.all) }
    package var leavesModel: Bool { kind == "evaluate" || kind == "save" }

    package var name: String { json["name"]?.stringValue ?? kind }
    package var evaluators: [Plugin] { (json["evaluators"]?.arrayValue ?? []).map(Plugin.init) }
    /// Returns the id of a plugin: `criterion`, `allocator`, `compensator`, `transform`.
    package func plugin(_ role: String) -> String? { json[role]?["id"]?.stringValue }
    package var target: Target? { json["target"].map(Target.init) }
    package var iterations: String? { json["iterations"]?.compact }
    package var recovery: String? { json["recovery"]?["kind"]?.stringValue }
    package var steps: String? { json["steps"]?.compact }
    package var learningRate: Double? { json["optimizer"]?["learning_rate"]?.numberValue }
    package var schedule: String? { json["schedule"]?["kind"]?.stringValue }
    /// The type of a saved model's weights.
    package var type: String? { json["type"]?.stringValue }
    /// The folder of a saved model, within the run's.
    package var directory: String? { json["directory"]?.stringValue }
    /// The rounds of a repeat.
    package var times: String? { json["times"]?.compact }
  }

  /// How small a stage is to make the model.
  package struct Target: Sendable, Equatable {
    package enum Amount: Sendable, Equatable {
      case count(Int)
      case share(Double)
    }

    /// As in the manifest.
    package let json: JSONValue

    package var parameters: Amount? { amount("parameters") }
    package var macs: Amount? { amount("macs") }
    /// The base of a share: `original`, `current`.
    package var base: String? { json["of"]?.stringValue }

    private func amount(_ key: String) -> Amount? {
      switch json[key] {
      case .integer(let count): .count(count)
      case .number(let share): .share(share)
      default: nil
      }
    }
  }

  /// A use of a plugin.
  package struct Plugin: Sendable {
    fileprivate let json: JSONValue

    package var id: String? { json["id"]?.stringValue }

    /// Returns the options with the recorded hashes of data in place of their paths. Data without a hash keep their path.
    package func options(withHashesOf data: [RunRecord.File]) -> JSONValue {
      let path = "path"
      guard let options = json["options"] else { return .null }
      guard let object = options.objectValue else { return options }
      return .object(
        JSONObject(
          object.members.map { member in
            guard var source = member.value.objectValue, let place = source[path]?.stringValue,
              let hash = data.first(where: { $0.path == place })?.sha256
            else { return (member.key, member.value) }
            source[path] = .string(hash)
            return (member.key, .object(source))
          }))
    }
  }
}
