import JSON
import PluginRuntime

// What a stage's plugins may use in processes of their own.

extension Isolation {
  /// Of time limits; more cannot be told from none.
  private static let mostSeconds = 1e9

  static var fields: Fields<Isolation> {
    func seconds(_ key: String, _ place: WritableKeyPath<Isolation, Double>, _ help: String) -> Field<
      Isolation
    > {
      Field.number(key, place, above: 0, help).followed { isolation, reader in
        let limit = isolation[keyPath: place]
        if limit > mostSeconds {
          reader.reading.problem(
            reader.path.key(key), "\(limit)", expected: "a number above 0 and at most a billion")
        }
        isolation[keyPath: place] = min(limit, mostSeconds)
      }
    }
    return Fields(
      Isolation(),
      [
        seconds(
          "time_limit_seconds", \.timeLimit,
          "What a call may take, without the time that the host takes for what the plugin asks of it."),
        // Not written where it is the usual one: manifests of earlier versions are the same text.
        seconds(
          "load_time_limit_seconds", \.loadTimeLimit,
          "What loading a plugin's library, and making an instance, may take."
        ).unwritten { $0.loadTimeLimit == Isolation().loadTimeLimit },
        .integer(
          "memory_limit_megabytes", \.memoryLimit, 1...1 << 30, unit: 1 << 20,
          "What a plugin's process may have for itself."),
      ])
  }

  /// As it stands in a resolved manifest.
  var json: JSONValue { .object(Self.fields.json(of: self)) }
}

extension StageReading {
  /// Whether the stage's plugins have processes of their own: true, false, or an object with what they may use there.
  func isolation(_ reader: ObjectReader) -> Isolation? {
    guard let value = reader.object["isolate"] else { return isolation }
    if let isWanted = value.boolValue { return isWanted ? isolation ?? Isolation() : nil }
    let fields = Isolation.fields
    guard value.objectValue != nil, let inner = reader.nested("isolate", keys: fields.keys) else {
      reading.problem(
        reader.path.key("isolate"), value.shown,
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
