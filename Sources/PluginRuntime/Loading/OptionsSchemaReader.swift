import JSON

/// Reading a plugin's JSON Schema.
extension OptionsSchema {
  /// Reads a schema. Unknown keywords are refused: no check that a plugin's author wrote may be skipped in silence.
  public init(parsing text: String) throws(OptionsError) {
    let document: JSONValue
    do { document = try JSONValue(parsing: text) } catch { throw OptionsError(path: "", reason: "\(error)") }
    guard let root = document.objectValue else {
      throw OptionsError(path: "", reason: "should be an object, but is \(document.kindName)")
    }
    var required: [String] = []
    for member in root.members {
      switch member.key {
      case "type":
        guard member.value == "object" else {
          throw OptionsError(path: "type", reason: "should be \"object\", but is \(member.value.compact)")
        }
      case "properties":
        guard let members = member.value.objectValue?.members else {
          throw OptionsError(path: "properties", reason: "should be an object")
        }
        for property in members {
          properties.append(
            try Property(property.value, name: property.key, at: "properties.\(property.key)"))
        }
      case "required":
        let names = member.value.arrayValue?.compactMap(\.stringValue)
        guard let names, names.count == member.value.arrayValue?.count else {
          throw OptionsError(path: "required", reason: "should be an array of option names")
        }
        required = names
      case "additionalProperties" where member.value == false: break
      case "$schema", "title", "description", "$comment": break
      default: throw OptionsError(path: member.key, reason: "this host does not know this keyword")
      }
    }
    for name in required {
      guard let index = properties.firstIndex(where: { $0.name == name }) else {
        throw OptionsError(path: "required", reason: "there is no property \"\(name)\"")
      }
      properties[index].isRequired = true
    }
  }
}

extension OptionsSchema.Property {
  private static let mostItems = 10_000

  init(_ schema: JSONValue, name: String, at path: String) throws(OptionsError) {
    self.name = name
    guard let members = schema.objectValue?.members else {
      throw OptionsError(path: path, reason: "should be an object, but is \(schema.kindName)")
    }
    for member in members {
      let value = member.value
      func wrong(_ expected: String) -> OptionsError {
        OptionsError(path: "\(path).\(member.key)", reason: "should be \(expected), but is \(value.compact)")
      }
      func number() throws(OptionsError) -> Double {
        guard let number = value.numberValue else { throw wrong("a number") }
        return number
      }
      switch member.key {
      case "type":
        for name in value.arrayValue ?? [value] {
          guard let type = name.stringValue.flatMap(OptionsSchema.ValueType.init(rawValue:)) else {
            throw wrong("the name of a JSON type, or an array of them")
          }
          types.append(type)
        }
      case "enum":
        guard let values = value.arrayValue, !values.isEmpty else { throw wrong("an array of values") }
        allowed = values
      case "default": defaultValue = value
      case "minimum": minimum = try number()
      case "maximum": maximum = try number()
      case "exclusiveMinimum": exclusiveMinimum = try number()
      case "minItems":
        guard let count = value.integerValue, (0...Self.mostItems).contains(count) else {
          throw wrong("an integer from 0 to \(Self.mostItems)")
        }
        minItems = count
      case "items": items = [try Self(value, name: "", at: "\(path).items")]
      case "description":
        guard let text = value.stringValue else { throw wrong("a string") }
        description = text
      case "format":
        guard value == "adapt-pruner-data" else { throw wrong("\"adapt-pruner-data\"") }
        isData = true
      case "title", "$comment", "examples": break
      default:
        throw OptionsError(path: "\(path).\(member.key)", reason: "this host does not know this keyword")
      }
    }
    for bound in [minimum, maximum, exclusiveMinimum].compactMap(\.self) where types.contains(.integer) {
      guard abs(bound) <= 0x1p62 else {
        throw OptionsError(path: path, reason: "has the bound \(bound), which no integer comes near")
      }
    }
    if let defaultValue {
      do { try check(defaultValue, at: "\(path).default") } catch {
        throw OptionsError(path: error.path, reason: "the default does not fit: \(error.reason)")
      }
    }
  }
}
