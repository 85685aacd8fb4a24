import JSON
import PluginRuntime

// The types that a field's value can have.

extension Field {
  package typealias Place<Value> = WritableKeyPath<Owner, Value>

  /// - Parameter unit: what one of the value stands for in the owner.
  package static func integer(
    _ key: String, _ place: Place<Int>, _ range: ClosedRange<Int>, unit: Int = 1, _ help: String
  ) -> Field {
    Field(
      key, help,
      schema: [
        "type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound),
      ],
      read: { owner, reader, _ in
        owner[keyPath: place] =
          reader.integer(key, default: owner[keyPath: place] / unit, in: range) * unit
      }, write: { .integer($0[keyPath: place] / unit) })
  }

  package static func number(
    _ key: String, _ place: Place<Double>, _ range: ClosedRange<Double>, _ help: String
  ) -> Field {
    Field(
      key, help,
      schema: [
        "type": "number", "minimum": .exactly(range.lowerBound), "maximum": .exactly(range.upperBound),
      ],
      read: { owner, reader, _ in
        owner[keyPath: place] = reader.number(key, default: owner[keyPath: place], in: range)
      }, write: { .number($0[keyPath: place]) })
  }

  package static func number(
    _ key: String, _ place: Place<Double>, above bound: Double, _ help: String
  ) -> Field {
    Field(
      key, help, schema: ["type": "number", "exclusiveMinimum": .exactly(bound)],
      read: { owner, reader, _ in
        owner[keyPath: place] = reader.number(key, default: owner[keyPath: place], above: bound)
      }, write: { .number($0[keyPath: place]) })
  }

  package static func number(
    _ key: String, _ place: Place<Double?>, above bound: Double, _ help: String
  ) -> Field {
    Field(
      key, help, schema: ["type": "number", "exclusiveMinimum": .exactly(bound)],
      read: { owner, reader, _ in
        guard reader.object[key] != nil else { return }
        owner[keyPath: place] = reader.number(key, default: 1, above: bound)
      }, write: { $0[keyPath: place].map { .number($0) } })
  }

  package static func flag(_ key: String, _ place: Place<Bool>, _ help: String) -> Field {
    Field(
      key, help, schema: ["type": "boolean"],
      read: { owner, reader, _ in
        owner[keyPath: place] = reader.flag(key, default: owner[keyPath: place])
      }, write: { .bool($0[keyPath: place]) })
  }

  package static func flag(_ key: String, _ place: Place<Bool?>, _ help: String) -> Field {
    Field(
      key, help, schema: ["type": "boolean"],
      read: { owner, reader, _ in
        guard reader.object[key] != nil else { return }
        owner[keyPath: place] = reader.flag(key, default: false)
      }, write: { $0[keyPath: place].map { .bool($0) } })
  }

  /// One of a closed set of words.
  package static func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ place: Place<Choice>, _ help: String
  ) -> Field {
    Field(
      key, help, schema: ["enum": .array(Choice.allCases.map { .string($0.rawValue) })],
      read: { owner, reader, _ in
        owner[keyPath: place] = reader.choice(key, default: owner[keyPath: place])
      }, write: { .string($0[keyPath: place].rawValue) })
  }

  /// A string that isn't empty.
  package static func text(_ key: String, _ place: Place<String>, _ help: String) -> Field {
    Field(
      key, help, schema: ["type": "string", "minLength": 1],
      read: { owner, reader, _ in
        owner[keyPath: place] = reader.optionalString(key) ?? owner[keyPath: place]
      }, write: { .string($0[keyPath: place]) })
  }

  package static func text(_ key: String, _ place: Place<String?>, _ help: String) -> Field {
    Field(
      key, help, schema: ["type": "string", "minLength": 1],
      read: { owner, reader, _ in owner[keyPath: place] = reader.optionalString(key) },
      write: { $0[keyPath: place].map { .string($0) } })
  }

  /// An object with fields of its own.
  /// - Parameter name: of its schema.
  package static func object<Value>(
    _ key: String, _ place: Place<Value>, _ fields: Fields<Value>, as name: String, _ help: String
  ) -> Field {
    Field(
      key, help, schema: .reference(name), definitions: fields.definitions(as: name),
      read: { owner, reader, stage in
        guard let inner = reader.nested(key, keys: fields.keys) else { return }
        fields.read(&owner[keyPath: place], inner, stage)
      }, write: { .object(fields.json(of: $0[keyPath: place])) }
    ).standing()
  }
}

// MARK: - Plugins

extension Field {
  /// The plugin that a stage cannot do without.
  package static func plugin(_ kind: PluginKind, _ place: Place<PluginUse>, _ help: String) -> Field {
    let key = kind.rawValue
    return Field(
      key, help, schema: .plugin(kind), isRequired: true,
      read: { owner, reader, stage in
        let isolation = stage.isolation(reader)
        guard let value = reader.required(key, expected: "an object with \"id\" and \"options\"") else {
          return
        }
        owner[keyPath: place] =
          stage.plugin(value, kind, isolation, at: reader.path.key(key)) ?? owner[keyPath: place]
      }, write: { $0[keyPath: place].json }
    ).holding(kind) { [$0[keyPath: place]] }
  }

  package static func plugin(_ kind: PluginKind, _ place: Place<PluginUse?>, _ help: String) -> Field {
    let key = kind.rawValue
    return Field(
      key, help, schema: .plugin(kind),
      read: { owner, reader, stage in
        owner[keyPath: place] = reader.object[key].flatMap {
          stage.plugin($0, kind, stage.isolation(reader), at: reader.path.key(key))
        }
      }, write: { $0[keyPath: place]?.json }
    ).holding(kind) { [$0[keyPath: place]].compactMap(\.self) }
  }

  /// A list of plugins, at least one.
  package static func plugins(
    _ key: String, _ place: Place<[PluginUse]>, _ kind: PluginKind, _ help: String
  ) -> Field {
    Field(
      key, help,
      schema: ["type": "array", "minItems": 1, "items": .object(.plugin(kind))], isRequired: true,
      read: { owner, reader, stage in
        let expected = "a list of \(kind.plural), each with \"id\" and \"options\""
        let place = place
        guard let value = reader.required(key, expected: expected) else { return }
        let path = reader.path.key(key)
        guard let elements = value.arrayValue else {
          stage.reading.problem(path, value.shown, expected: expected)
          return
        }
        if elements.isEmpty {
          stage.reading.problem(path, "the list is empty", expected: "at least one \(kind.rawValue)")
        }
        let isolation = stage.isolation(reader)
        owner[keyPath: place] = elements.enumerated().compactMap { index, element in
          stage.plugin(element, kind, isolation, at: path.index(index))
        }
      }, write: { .array($0[keyPath: place].map(\.json)) }
    ).holding(kind) { $0[keyPath: place] }
  }
}

extension JSONObject {
  /// `{"$ref": …}` to what the schema defines once.
  static func reference(_ name: String) -> JSONObject { ["$ref": .string("#/$defs/\(name)")] }

  /// The same, of a plugin.
  static func plugin(_ kind: PluginKind) -> JSONObject { reference("\(kind.rawValue)Plugin") }
}

extension JSONValue {
  /// 1 rather than 1.0.
  static func exactly(_ number: Double) -> JSONValue {
    Int(exactly: number).map { .integer($0) } ?? .number(number)
  }
}
