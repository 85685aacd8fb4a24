/// Writes JSON. The same value gives the same bytes on every machine.
extension JSONValue {
  public enum Layout: Sendable {
    /// On one line, without spaces.
    case compact
    /// Two spaces a level; arrays of plain values on one line.
    case pretty
    /// Two spaces a level, one element a line, as serde does for the files of Hugging Face `tokenizers`.
    case elementALine
  }

  /// On one line, without spaces.
  public var compact: String { text(.compact) }

  /// The pretty layout, with a line break at the end.
  public var pretty: String { text(.pretty) + "\n" }

  /// Returns the document without a line break at its end.
  public func text(_ layout: Layout, _ dialect: JSONDialect = .standard) -> String {
    var writer = JSONWriter(layout: layout, dialect: dialect)
    writer.write(self)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  fileprivate var isPlain: Bool {
    switch self {
    case .array, .object: false
    default: true
    }
  }
}

private struct JSONWriter {
  let layout: JSONValue.Layout
  let dialect: JSONDialect
  var bytes: [UInt8] = []
  var level = 0

  mutating func write(_ value: JSONValue) {
    switch value {
    case .null: write("null")
    case .bool(let value): write(value ? "true" : "false")
    case .integer(let value): write(String(value))
    case .number(let value): write(word(for: value))
    case .string(let value): write(quoting: value)
    case .array(let values):
      let onOneLine = layout == .pretty && values.allSatisfy(\.isPlain)
      list(values, "[", "]", onOneLine: onOneLine) { $0.write($1) }
    case .object(let object):
      list(object.members, "{", "}", onOneLine: false) { writer, member in
        writer.write(quoting: member.key)
        writer.write(writer.layout == .compact ? ":" : ": ")
        writer.write(member.value)
      }
    }
  }

  private mutating func list<Item>(
    _ items: [Item], _ opening: String, _ closing: String, onOneLine: Bool,
    _ write: (inout JSONWriter, Item) -> Void
  ) {
    self.write(opening)
    let breaks = layout != .compact && !onOneLine && !items.isEmpty
    level += 1
    for (index, item) in items.enumerated() {
      if index > 0 { self.write(onOneLine ? ", " : ",") }
      if breaks { breakLine() }
      write(&self, item)
    }
    level -= 1
    if breaks { breakLine() }
    self.write(closing)
  }

  private mutating func breakLine() {
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
  }

  private mutating func write(_ text: String) { bytes.append(contentsOf: text.utf8) }

  private func word(for number: Double) -> String {
    // Swift writes the shortest digits that read back as the same number.
    if number.isFinite { return number.description }
    guard dialect == .python else { return "null" }
    return number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity"
  }

  private mutating func write(quoting text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): write("\\\"")
      case UInt8(ascii: "\\"): write("\\\\")
      case 0x08: write("\\b")
      case 0x09: write("\\t")
      case 0x0A: write("\\n")
      case 0x0C: write("\\f")
      case 0x0D: write("\\r")
      case 0..<0x20: write("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
