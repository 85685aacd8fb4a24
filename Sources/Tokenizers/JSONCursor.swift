import JSON

/// A value in a JSON file, with its path for messages.
struct JSONCursor {
  let value: JSONValue
  let path: String
  let file: String

  init(_ value: JSONValue, path: String = "$", file: String) {
    self.value = value
    self.path = path
    self.file = file
  }

  func child(_ value: JSONValue, _ step: String) -> JSONCursor {
    JSONCursor(value, path: path + step, file: file)
  }

  /// The member with this name; nil if it is absent or null.
  func optional(_ name: String) throws(TokenizerError) -> JSONCursor? {
    guard case .object(let object) = value else { throw wrong("an object") }
    guard let member = object[name], member != .null else { return nil }
    return child(member, ".\(name)")
  }

  func required(_ name: String, _ expected: String) throws(TokenizerError) -> JSONCursor {
    if let cursor = try optional(name) { return cursor }
    throw .unexpectedValue(file: file, path: "\(path).\(name)", expected: expected, found: "nothing")
  }

  func members() throws(TokenizerError) -> [JSONObject.Member] {
    guard case .object(let object) = value else { throw wrong("an object") }
    return object.members
  }

  func elements() throws(TokenizerError) -> [JSONCursor] {
    guard case .array(let elements) = value else { throw wrong("an array") }
    return elements.enumerated().map { child($1, "[\($0)]") }
  }

  func string() throws(TokenizerError) -> String {
    guard case .string(let text) = value else { throw wrong("a string") }
    return text
  }

  func bool() throws(TokenizerError) -> Bool {
    guard case .bool(let value) = value else { throw wrong("true or false") }
    return value
  }

  func integer(in range: ClosedRange<Int>) throws(TokenizerError) -> Int {
    guard let integer = value.integerValue, range.contains(integer) else {
      throw wrong("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  func string(_ name: String) throws(TokenizerError) -> String {
    try required(name, "a string").string()
  }

  func bool(_ name: String, default value: Bool) throws(TokenizerError) -> Bool {
    try optional(name)?.bool() ?? value
  }

  func wrong(_ expected: String) -> TokenizerError {
    .unexpectedValue(file: file, path: path, expected: expected, found: value.summary)
  }

  func unsupported(_ feature: String, supported: String) -> TokenizerError {
    .unsupported(file: file, path: path, feature: feature, supported: supported)
  }
}
