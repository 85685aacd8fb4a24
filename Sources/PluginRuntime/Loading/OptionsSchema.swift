import JSON

/// The options of a plugin: the part of JSON Schema that `ap_descriptor.options_schema` may use.
public struct OptionsSchema: Equatable, Sendable {
  public internal(set) var properties: [Property] = []

  public struct Property: Equatable, Sendable {
    public var name: String
    /// Empty: any type.
    public var types: [ValueType] = []
    public var allowed: [JSONValue]?
    public var defaultValue: JSONValue?
    public var minimum: Double?
    public var exclusiveMinimum: Double?
    public var maximum: Double?
    public var minItems: Int?
    /// The schema of an array's elements, with an empty name; none: any elements.
    public var items: [Property] = []
    public var description: String?
    public var isRequired = false
    /// `"format": "adapt-pruner-data"`: data that the host opens; the plugin does not read the value.
    public var isData = false
  }

  public enum ValueType: String, Sendable, CaseIterable {
    case null, boolean, integer, number, string, array, object

    var words: String {
      switch self {
      case .null: "null"
      case .integer, .array, .object: "an \(rawValue)"
      default: "a \(rawValue)"
      }
    }
  }
}

/// A mistake in options, and its place in them: `protect[2]`.
public struct OptionsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// "" means the options as a whole.
  public var path: String
  /// What is wrong, and what was expected.
  public var reason: String

  public var description: String { path.isEmpty ? reason : "\(path): \(reason)" }
}

// MARK: - Checking options

extension OptionsSchema {
  /// Checks options, and returns them with defaults filled in, in the schema's order.
  ///
  /// - Parameter path: the place of the options, to begin the place of a mistake: `stages[1].options`.
  /// - Throws: the first mistake.
  public func resolve(_ given: JSONValue, at path: String = "") throws(OptionsError) -> JSONValue {
    let prefix = path.isEmpty ? "" : path + "."
    guard let options = given.objectValue else {
      throw OptionsError(path: path, reason: "should be an object, but is \(given.kindName)")
    }
    let names = properties.map(\.name)
    if let unknown = options.keys.first(where: { !names.contains($0) }) {
      let hint = NearestName.hint(for: unknown, among: names)
      let known = names.isEmpty ? "There are no options." : "Known: \(names.joined(separator: ", "))"
      throw OptionsError(path: prefix + unknown, reason: "there is no such option.\(hint) \(known)")
    }
    var resolved = JSONObject()
    for property in properties {
      if let value = options[property.name] {
        try property.check(value, at: prefix + property.name)
        resolved[property.name] = value
      } else if property.isRequired {
        throw OptionsError(path: prefix + property.name, reason: "this option is required")
      } else if let value = property.defaultValue {
        resolved[property.name] = value
      }
    }
    return .object(resolved)
  }
}

extension OptionsSchema.Property {
  func check(_ value: JSONValue, at path: String) throws(OptionsError) {
    func fail(_ reason: String) -> OptionsError { OptionsError(path: path, reason: reason) }
    if isData { return }

    if !types.isEmpty, !types.contains(where: { $0.holds(value) }) {
      let expected = types.map(\.words).joined(separator: " or ")
      throw fail("should be \(expected), but is \(value.kindName) (\(value.compact))")
    }
    if let allowed, !allowed.contains(where: { $0.isSame(as: value) }) {
      let hint = value.stringValue.flatMap { NearestName.of($0, among: allowed.compactMap(\.stringValue)) }
      throw fail(
        "should be one of \(allowed.map(\.compact).joined(separator: ", ")), but is \(value.compact)."
          + (hint.map { " Did you mean \"\($0)\"?" } ?? ""))
    }
    if let number = value.numberValue {
      if let minimum, number < minimum {
        throw fail("should be at least \(minimum.plain), but is \(value.compact)")
      }
      if let maximum, number > maximum {
        throw fail("should be at most \(maximum.plain), but is \(value.compact)")
      }
      if let bound = exclusiveMinimum, number <= bound {
        throw fail("should be greater than \(bound.plain), but is \(value.compact)")
      }
    }
    if let elements = value.arrayValue {
      if let minItems, elements.count < minItems {
        throw fail("should have at least \(minItems) elements, but has \(elements.count)")
      }
      if let items = items.first {
        for (index, element) in elements.enumerated() { try items.check(element, at: "\(path)[\(index)]") }
      }
    }
  }
}

extension OptionsSchema.ValueType {
  func holds(_ value: JSONValue) -> Bool {
    switch self {
    case .null: value == .null
    case .boolean: value.boolValue != nil
    case .integer: value.integerValue != nil
    case .number: value.numberValue != nil
    case .string: value.stringValue != nil
    case .array: value.arrayValue != nil
    case .object: value.objectValue != nil
    }
  }
}

extension JSONValue {
  /// Whether values are equal by JSON Schema: 1 equals 1.0.
  fileprivate func isSame(as other: JSONValue) -> Bool {
    if let left = numberValue, let right = other.numberValue { return left == right }
    return self == other
  }
}
