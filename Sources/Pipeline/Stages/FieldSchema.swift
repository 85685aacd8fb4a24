import JSON

// The part of a JSON Schema that comes from fields.

extension Field {
  /// What an absent key means, as JSON; nil where it must be there, or means nothing that JSON can say.
  func standard(of blank: Owner) -> JSONValue? {
    guard !isRequired, let value = standard(blank) else { return nil }
    if case .number(let number) = value { return .exactly(number) }
    return value
  }

  fileprivate func property(_ blank: Owner) -> JSONValue {
    var property: JSONObject = ["description": .string(help)]
    for keyword in schema.members { property[keyword.key] = keyword.value }
    property["default"] = standard(of: blank)
    return .object(property)
  }
}

extension Fields {
  /// By key.
  var properties: JSONObject { JSONObject(list.map { ($0.key, $0.property(blank)) }) }

  /// Of an object with these keys and no others.
  var schema: JSONObject {
    var schema: JSONObject = ["type": "object", "additionalProperties": false]
    let required = list.filter(\.isRequired).map { JSONValue.string($0.key) }
    if !required.isEmpty { schema["required"] = .array(required) }
    schema["properties"] = .object(properties)
    return schema
  }

  /// What the schema refers to.
  var definitions: JSONObject { JSONObject(list.flatMap(\.definitions.members).map { ($0.key, $0.value) }) }

  /// The schema itself by a name, and what it refers to.
  func definitions(as name: String) -> JSONObject {
    JSONObject([(name, .object(schema))] + definitions.members.map { ($0.key, $0.value) })
  }
}
