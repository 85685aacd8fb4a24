/// Writes JSON as serde's pretty printer does, in which Hugging Face `tokenizers` saves its files: two spaces
/// a level, one element a line, nothing escaped that need not be.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private var depth = 0

  static func write(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.append(value)
    return writer.bytes
  }

  private mutating func append(_ value: JSONValue) {
    switch value {
    case .null: append("null")
    case .bool(let value): append(value ? "true" : "false")
    case .number(let number): append(Int(exactly: number).map { String($0) } ?? String(number))
    case .string(let text): append(quoting: text)
    case .array(let elements):
      block("[", elements, "]") { $0.append($1) }
    case .object(let members):
      block("{", members, "}") { writer, member in
        writer.append(quoting: member.key)
        writer.append(": ")
        writer.append(member.value)
      }
    }
  }

  private mutating func block<Item>(
    _ opening: String, _ items: [Item], _ closing: String, _ body: (inout JSONWriter, Item) -> Void
  ) {
    append(opening)
    if !items.isEmpty {
      depth += 1
      for (index, item) in items.enumerated() {
        newLine(after: index > 0 ? "," : "")
        body(&self, item)
      }
      depth -= 1
      newLine(after: "")
    }
    append(closing)
  }

  private mutating func newLine(after text: String) {
    append(text)
    append("\n")
    for _ in 0..<depth { append("  ") }
  }

  private mutating func append(_ text: String) { bytes += text.utf8 }

  private mutating func append(quoting text: String) {
    append("\"")
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0x08: append("\\b")
      case 0x09: append("\\t")
      case 0x0a: append("\\n")
      case 0x0c: append("\\f")
      case 0x0d: append("\\r")
      case 0..<0x20: append("\\u00" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16))
      default: bytes.append(byte)
      }
    }
    append("\"")
  }
}

extension JSONValue {
  /// An object whose members stand in this order.
  static func members(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    .object(members.map { JSONMember(key: $0.key, value: $0.value) })
  }

  static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

  static func integer(_ value: some BinaryInteger) -> JSONValue { .number(Double(value)) }
}
