import JSON
import PluginRuntime

// How a pipeline isolates the plugins of a stage in processes of their own, and limits them.

extension Isolation {
  /// The longest time limit. A longer one is no limit.
  private static let mostSeconds = 1e9

  static var fields: Fields<Isolation> {
    func seconds(_ key: String, _ place: Field<Isolation>.Place<Double>, _ help: String) -> Field<Isolation> {
      Field.number(key, place, above: 0, help).followed { isolation, reader in
        let limit = isolation[keyPath: place]
        guard limit > mostSeconds else { return }
        reader.problem(key, "\(limit)", expected: "a number above 0 and at most a billion")
        isolation[keyPath: place] = mostSeconds
      }
    }
    return Fields(
      Isolation(),
      [
        seconds(
          "time_limit_seconds", \.timeLimit,
          "The longest time of a call, without the host's own work for the plugin."),
        // The usual limit is not written, so that manifests of earlier versions stay the same text.
        seconds(
          "load_time_limit_seconds", \.loadTimeLimit,
          "The longest time for loading a plugin's library, and for making an instance."
        ).unwritten { $0.loadTimeLimit == Isolation().loadTimeLimit },
        .integer(
          "memory_limit_megabytes", \.memoryLimit, 1...1 << 30, unit: 1 << 20,
          "The most memory of a plugin's process, without what it shares with the host."),
      ])
  }

  /// The limits as they stand in a resolved manifest.
  var json: JSONValue { .object(Self.fields.json(of: self)) }
}

extension StageReading {
  /// The limits of the processes of the stage's plugins. `isolate` is true, false, or an object with limits. Nil: the
  /// plugins run in this process.
  func isolation(_ reader: ObjectReader) -> Isolation? {
    guard let value = reader.object["isolate"] else { return isolation }
    if let isWanted = value.boolValue { return isWanted ? isolation ?? Isolation() : nil }
    let fields = Isolation.fields
    guard value.objectValue != nil, let inner = reader.nested("isolate", keys: fields.keys) else {
      reader.problem(
        "isolate", value.shown,
        expected: "true, false, or an object with \(fields.keys.dropLast().joined(separator: ", ")) and "
          + (fields.keys.last ?? ""))
      return nil
    }
    var limits = isolation ?? Isolation()
    limits.threads = nil
    fields.read(&limits, inner, self)
    return limits
  }
}
