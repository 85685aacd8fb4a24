/// A place in a JSON file, which knows its path for messages.
struct JSONCursor {
  let value: JSONValue
  let path: String
  let file: String

  init(_ value: JSONValue, path: String = "$", file: String) {
    self.value = value
    self.path = path
    self.file = file
  }

  /// The member with this name; nil when it is absent or null.
  func optional(_ name: String) throws(TokenizerError) -> JSONCursor? {
    guard let member = try members().last(where: { $0.key.utf8.elementsEqual(name.utf8) }) else { return nil }
    if case .null = member.value { return nil }
    return JSONCursor(member.value, path: "\(path).\(name)", file: file)
  }

  func required(_ name: String, _ expected: String) throws(TokenizerError) -> JSONCursor {
    if let cursor = try optional(name) { return cursor }
    throw .unexpectedValue(file: file, path: "\(path).\(name)", expected: expected, found: "nothing")
  }

  func members() throws(TokenizerError) -> [JSONMember] {
    guard case .object(let members) = value else { throw wrong("an object") }
    return members
  }

  func elements() throws(TokenizerError) -> [JSONCursor] {
    guard case .array(let elements) = value else { throw wrong("an array") }
    return elements.enumerated().map { JSONCursor($1, path: "\(path)[\($0)]", file: file) }
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
    guard case .number(let number) = value, let integer = Int(exactly: number), range.contains(integer) else {
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
    .unexpectedValue(file: file, path: path, expected: expected, found: value.kind)
  }

  func unsupported(_ feature: String, supported: String) -> TokenizerError {
    .unsupported(file: file, path: path, feature: feature, supported: supported)
  }
}
