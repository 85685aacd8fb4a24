import JSON
import PluginRuntime

// The part of a JSON Schema that comes from fields.

extension Field {
  /// The meaning of an absent key as JSON. Nil where the key must be there, or JSON can't say it.
  func standard(of blank: Owner) -> JSONValue? {
    guard !isRequired, let value = (standard ?? write)(blank) else { return nil }
    if case .number(let number) = value { return .exactly(number) }
    return value
  }

  fileprivate func property(_ blank: Owner) -> JSONValue {
    var property: JSONObject = ["description": .string(help)]
    property.add(schema)
    property["default"] = standard(of: blank)
    return .object(property)
  }
}

extension Fields {
  /// The schema of each key's value.
  var properties: JSONObject { JSONObject(list.map { ($0.key, $0.property(blank)) }) }

  /// The schema of an object with these keys and no others.
  var schema: JSONObject {
    .closedObject(required: list.filter(\.isRequired).map(\.key), properties)
  }

  /// The entries of `$defs` that the schema refers to.
  var definitions: JSONObject { JSONObject(list.flatMap(\.definitions.members).map { ($0.key, $0.value) }) }
}

extension JSONObject {
  /// Adds the members of `other`. Of two with one key the one of `other` stays.
  mutating func add(_ other: JSONObject) {
    for member in other.members { self[member.key] = member.value }
  }

  /// The schema of an object without other keys than those of `properties`.
  static func closedObject(required: [String], _ properties: JSONObject) -> JSONObject {
    var schema: JSONObject = ["type": "object", "additionalProperties": false]
    if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
    schema["properties"] = .object(properties)
    return schema
  }

  /// `{"$ref": …}` to a definition of the schema.
  static func reference(_ name: String) -> JSONObject { ["$ref": .string("#/$defs/\(name)")] }

  static func plugin(_ kind: PluginKind) -> JSONObject { reference("\(kind.rawValue)Plugin") }
}

extension JSONValue {
  /// 1 instead of 1.0.
  static func exactly(_ number: Double) -> JSONValue {
    Int(exactly: number).map { .integer($0) } ?? .number(number)
  }

  /// `{"enum": …}` of the words of a choice.
  static func words<Choice: RawRepresentable<String>>(_ choices: [Choice]) -> JSONValue {
    .array(choices.map { .string($0.rawValue) })
  }
}
