import JSON
import PluginRuntime

/// A resolved pipeline: defaults are filled in, inputs and paths resolved, plugins and their options checked.
/// `ManifestResolver` makes it from JSON; `json` turns it back.
public struct Manifest: Sendable, Equatable {
  public let name: String
  public let description: String
  /// The seed of all random numbers of the run.
  public let seed: Int
  public let stages: [Stage]

  /// A manifest with everything spelled out, which resolves to this one again.
  public var json: JSONValue {
    [
      "name": .string(name), "description": .string(description), "seed": .integer(seed),
      "stages": .array(stages.map(\.json)),
    ]
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
  /// The statistics that the plugin needs with these options.
  public let statistics: [Statistic]
  /// The limits of its own process. Nil: it is loaded into this one.
  public internal(set) var isolation: Isolation?

  /// Stands for a plugin that could not be read.
  static let unread = PluginUse(id: "", options: [:], data: [:], statistics: [])

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
