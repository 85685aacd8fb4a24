import JSON
import PluginRuntime

// The types of a field's value.

extension Field {
  /// A field with a value of its own.
  /// - Parameter read: gives nil where the key is absent or its value is wrong, which it notes.
  static func value<Value>(
    _ key: String, _ place: Place<Value>, _ help: String, schema: JSONObject,
    read: @escaping (ObjectReader) -> Value?, write: @escaping (Value) -> JSONValue?
  ) -> Field {
    Field(
      key, help, schema: schema,
      read: { owner, reader, _ in if let value = read(reader) { owner[keyPath: place] = value } },
      write: { write($0[keyPath: place]) })
  }

  /// - Parameter unit: the value in the owner that 1 stands for.
  package static func integer(
    _ key: String, _ place: Place<Int>, _ range: ClosedRange<Int>, unit: Int = 1, _ help: String
  ) -> Field {
    value(
      key, place, help,
      schema: [
        "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
      ],
      read: { reader in reader.integer(key, in: range).map { $0 * unit } }, write: { .integer($0 / unit) })
  }

  static func number(
    _ key: String, _ place: Place<Double>, _ range: ClosedRange<Double>, _ help: String
  ) -> Field {
    value(
      key, place, help,
      schema: [
        "type": "number", "minimum": .exactly(range.lowerBound), "maximum": .exactly(range.upperBound),
      ], read: { $0.number(key, in: range) }, write: { .number($0) })
  }

  static func number(_ key: String, _ place: Place<Double>, above bound: Double, _ help: String) -> Field {
    value(
      key, place, help, schema: ["type": "number", "exclusiveMinimum": .exactly(bound)],
      read: { $0.number(key, above: bound) }, write: { .number($0) })
  }

  static func number(_ key: String, _ place: Place<Double?>, above bound: Double, _ help: String) -> Field {
    value(
      key, place, help, schema: ["type": "number", "exclusiveMinimum": .exactly(bound)],
      read: { $0.number(key, above: bound) }, write: { $0.map { .number($0) } })
  }

  static func flag(_ key: String, _ place: Place<Bool>, _ help: String) -> Field {
    value(
      key, place, help, schema: ["type": "boolean"], read: { $0.flag(key) }, write: { .bool($0) })
  }

  /// One of a closed set of words.
  package static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ place: Place<Choice>, _ help: String
  ) -> Field {
    value(
      key, place, help, schema: ["enum": .words(Array(Choice.allCases))], read: { $0.choice(key) },
      write: { .string($0.rawValue) })
  }

  /// A string that isn't empty.
  package static func text(_ key: String, _ place: Place<String>, _ help: String) -> Field {
    value(
      key, place, help, schema: ["type": "string", "minLength": 1], read: { $0.text(key) },
      write: { .string($0) })
  }

  static func text(_ key: String, _ place: Place<String?>, _ help: String) -> Field {
    value(
      key, place, help, schema: ["type": "string", "minLength": 1], read: { $0.text(key) },
      write: { $0.map { .string($0) } })
  }

  /// An object with fields of its own.
  static func object<Value>(
    _ key: String, _ place: Place<Value>, _ fields: Fields<Value>, schema: JSONObject,
    definitions: JSONObject = [:], _ help: String
  ) -> Field {
    Field(
      key, help, schema: schema, definitions: definitions,
      read: { owner, reader, stage in
        guard let inner = reader.nested(key, keys: fields.keys) else { return }
        fields.read(&owner[keyPath: place], inner, stage)
      }, write: { .object(fields.json(of: $0[keyPath: place])) }
    ).standing()
  }
}

// MARK: - Plugins

extension Field {
  /// The plugin that a stage needs.
  package static func plugin(_ kind: PluginKind, _ place: Place<PluginUse>, _ help: String) -> Field {
    plugin(kind, help, isRequired: true, { $0[keyPath: place] }, { $0[keyPath: place] = $1 })
  }

  package static func plugin(_ kind: PluginKind, _ place: Place<PluginUse?>, _ help: String) -> Field {
    plugin(kind, help, isRequired: false, { $0[keyPath: place] }, { $0[keyPath: place] = $1 })
  }

  private static func plugin(
    _ kind: PluginKind, _ help: String, isRequired: Bool, _ get: @escaping (Owner) -> PluginUse?,
    _ set: @escaping (inout Owner, PluginUse) -> Void
  ) -> Field {
    let key = kind.rawValue
    return Field(
      key, help, schema: .plugin(kind), isRequired: isRequired,
      read: { owner, reader, stage in
        let isolation = stage.isolation(reader)
        let expected = "an object with \"id\" and \"options\""
        let value = isRequired ? reader.required(key, expected: expected) : reader.object[key]
        guard let value, let use = stage.plugin(value, kind, isolation, at: reader.path.key(key)) else {
          return
        }
        set(&owner, use)
      }, write: { get($0)?.json }
    ).holding(kind) { [get($0)].compactMap(\.self) }
  }

  /// A list of at least one plugin.
  static func plugins(_ key: String, _ place: Place<[PluginUse]>, _ kind: PluginKind, _ help: String)
    -> Field
  {
    Field(
      key, help,
      schema: ["type": "array", "minItems": 1, "items": .object(.plugin(kind))], isRequired: true,
      read: { owner, reader, stage in
        let expected = "a list of \(kind.plural), each with \"id\" and \"options\""
        guard let value = reader.required(key, expected: expected) else { return }
        let isolation = stage.isolation(reader)
        let path = reader.path.key(key)
        let uses = stage.reading.list(value, at: path, expected: expected, of: kind.rawValue) {
          stage.plugin($0, kind, isolation, at: $1)
        }
        owner[keyPath: place] = uses ?? owner[keyPath: place]
      }, write: { .array($0[keyPath: place].map(\.json)) }
    ).holding(kind) { $0[keyPath: place] }
  }
}
