import JSON

/// The filter `tojson` as transformers replaces it: Python's `json.dumps`. It escapes no HTML, and letters only with
/// `ensure_ascii`.
extension Interpreter {
  func json(_ value: TemplateValue, _ arguments: Arguments) throws(ChatTemplateError) -> String {
    try charge(2 * size(of: value))
    var writer = JSONText(limit: min(limits.bytes, limits.work))
    writer.escapesLetters = arguments.flag(at: 0, named: "ensure_ascii")
    if let indent = arguments.value(at: 1, named: "indent"), indent != .none {
      let (given, count): (String?, Int?) =
        if case .string(let text) = indent { (text, text.utf8.count) } else { (nil, indent.wholeNumber) }
      guard let count else { throw failure("the indent of “tojson” is a number or a text") }
      guard count <= 64 else { throw .limit(line: line, what: "an indent of more than 64 bytes") }
      writer.indent = given ?? String(repeating: " ", count: max(0, count))
    }
    writer.itemSeparator = writer.indent == nil ? ", " : ","
    if case .tuple(let separators)? = arguments.value(at: 2, named: "separators"), separators.count == 2 {
      writer.itemSeparator = try text(separators[0])
      writer.keySeparator = try text(separators[1])
    }
    writer.sortsKeys = arguments.flag(at: 3, named: "sort_keys")
    if let stranger = writer.write(value) { throw failure("\(stranger) can't be written as JSON") }
    // Separators and indents may be longer than all else.
    guard !writer.isTooLong else {
      throw .limit(line: line, what: "a text of more than \(writer.limit) bytes")
    }
    try chargeText(writer.text.utf8.count)
    return writer.text
  }
}

private struct JSONText {
  /// Bytes beyond which nothing more is written.
  let limit: Int
  var isTooLong: Bool { text.utf8.count > limit }
  var escapesLetters = false
  var indent: String?
  var itemSeparator = ", "
  var keySeparator = ": "
  var sortsKeys = false
  private(set) var text = ""
  private var level = 0

  init(limit: Int) { self.limit = limit }

  /// - Returns: the kind of a value that JSON has no form for; nil if all is written.
  mutating func write(_ value: TemplateValue) -> String? {
    switch value {
    case .none: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .number(let value): text += Self.word(value)
    case .string(let value): write(quoting: value)
    case .list(let values), .tuple(let values):
      return list(values, "[", "]") { $0.write($1) }
    case .dictionary(let dictionary):
      var members = dictionary.members.map { (key: Self.key($0.key), value: $0.value) }
      if sortsKeys { members.sort { PythonText.isLess($0.key, $1.key) } }
      return list(members, "{", "}") { writer, member in
        writer.write(quoting: member.key)
        writer.text += writer.keySeparator
        return writer.write(member.value)
      }
    case .undefined, .namespace, .loop, .function: return value.kindName
    }
    return nil
  }

  private mutating func list<Item>(
    _ items: [Item], _ opening: String, _ closing: String, _ write: (inout JSONText, Item) -> String?
  ) -> String? {
    text += opening
    level += 1
    for (index, item) in items.enumerated() where !isTooLong {
      if index > 0 { text += itemSeparator }
      breakLine()
      if let stranger = write(&self, item) { return stranger }
    }
    level -= 1
    if !items.isEmpty { breakLine() }
    text += closing
    return nil
  }

  private mutating func breakLine() {
    guard let indent else { return }
    text += "\n" + String(repeating: indent, count: level)
  }

  private static func word(_ value: Double) -> String {
    if value.isFinite { return value.description }
    return value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity"
  }

  private static func key(_ value: TemplateValue) -> String {
    switch value {
    case .none: "null"
    case .bool(let value): value ? "true" : "false"
    case .number(let value): word(value)
    default: value.shown
    }
  }

  private mutating func write(quoting string: String) {
    for scalar in JSONValue.string(string).compact.unicodeScalars {
      if escapesLetters, scalar.value > 0x7E {
        for unit in UTF16.encode(scalar) ?? .init() {
          text += "\\u" + PythonText.hexadecimal(UInt32(unit), digits: 4)
        }
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }
}
