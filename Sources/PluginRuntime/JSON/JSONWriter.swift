/// Writing JSON: the same value gives the same bytes on every machine.
extension JSONValue {
  /// On one line, without spaces.
  public var compact: String {
    var text = ""
    write(to: &text, indentation: nil)
    return text
  }

  /// Two spaces a level; arrays of plain values on one line. Ends with a line break.
  public var pretty: String {
    var text = ""
    write(to: &text, indentation: 0)
    return text + "\n"
  }

  private func write(to text: inout String, indentation level: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    // Swift writes the shortest digits that read back as the same double. JSON knows no NaN or infinity.
    case .number(let value): text += value.isFinite ? value.description : "null"
    case .string(let value): Self.write(value, to: &text)
    case .array(let values):
      let onOneLine = level == nil || values.allSatisfy(\.isPlain)
      let inner = onOneLine ? nil : level.map { $0 + 1 }
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += level != nil && onOneLine ? ", " : "," }
        Self.breakLine(&text, inner)
        value.write(to: &text, indentation: inner)
      }
      if !values.isEmpty { Self.breakLine(&text, onOneLine ? nil : level) }
      text += "]"
    case .object(let object):
      let inner = level.map { $0 + 1 }
      text += "{"
      for (index, member) in object.members.enumerated() {
        if index > 0 { text += "," }
        Self.breakLine(&text, inner)
        Self.write(member.key, to: &text)
        text += level == nil ? ":" : ": "
        member.value.write(to: &text, indentation: inner)
      }
      if !object.isEmpty { Self.breakLine(&text, level) }
      text += "}"
    }
  }

  private var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }

  private static func breakLine(_ text: inout String, _ level: Int?) {
    guard let level else { return }
    text += "\n" + String(repeating: "  ", count: level)
  }

  private static func write(_ string: String, to text: inout String) {
    text += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
