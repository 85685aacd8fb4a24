/// JSON as it stands in the file.
///
/// Foundation's decoders put an object into a dictionary of Swift strings. These are equal when they are
/// canonically equivalent, so two tokens of a vocabulary could silently become one; and of a token that
/// is written twice only the last would be seen. Members here stay a list, in their order.
enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([JSONMember])

  /// The type's name for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): value ? "true" : "false"
    case .number: "a number"
    case .string(let text): "the string \(quoted(text))"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

struct JSONMember: Sendable {
  var key: String
  var value: JSONValue
}

/// A strict reader of RFC 8259.
struct JSONParser {
  /// Deeper than any tokenizer, and far from the end of the stack.
  private static let maximumDepth = 64

  private let bytes: [UInt8]
  private let file: String
  private var position = 0

  static func parse(_ bytes: [UInt8], file: String) throws(TokenizerError) -> JSONValue {
    var parser = JSONParser(bytes: bytes, file: file)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    guard parser.position == bytes.count else { throw parser.fault("text after the end of the value") }
    return value
  }

  private init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(TokenizerError) -> JSONValue {
    guard depth < Self.maximumDepth else { throw fault("values nested too deeply") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return .object(try members(depth: depth))
    case UInt8(ascii: "["): return .array(try elements(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case .some: return .number(try number())
    case nil: throw fault("the file ends where a value should stand")
    }
  }

  private mutating func members(depth: Int) throws(TokenizerError) -> [JSONMember] {
    position += 1
    var members: [JSONMember] = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return members }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw fault("expected a member's name") }
      let key = try string()
      skipSpace()
      guard take(UInt8(ascii: ":")) else { throw fault("expected ':' after a member's name") }
      members.append(JSONMember(key: key, value: try value(depth: depth + 1)))
      skipSpace()
      if take(UInt8(ascii: "}")) { return members }
      guard take(UInt8(ascii: ",")) else { throw fault("expected ',' or '}' in an object") }
    }
  }

  private mutating func elements(depth: Int) throws(TokenizerError) -> [JSONValue] {
    position += 1
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if take(UInt8(ascii: "]")) { return elements }
      guard take(UInt8(ascii: ",")) else { throw fault("expected ',' or ']' in an array") }
    }
  }

  private mutating func literal(_ word: String, _ value: JSONValue) throws(TokenizerError) -> JSONValue {
    let end = position + word.utf8.count
    guard end <= bytes.count, bytes[position..<end].elementsEqual(word.utf8) else {
      throw fault("expected `\(word)`")
    }
    position = end
    return value
  }

  private mutating func number() throws(TokenizerError) -> Double {
    let start = position
    while let byte = next, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    guard start < position, bytes[start] != UInt8(ascii: "+"),
      let value = Double(String(decoding: bytes[start..<position], as: UTF8.self))
    else {
      position = start
      throw fault("expected a value")
    }
    return value
  }

  private mutating func string() throws(TokenizerError) -> String {
    position += 1
    let start = position
    // Most strings have no escapes and are taken as they stand.
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    var content = bytes[start..<position]
    while true {
      guard let byte = next else { throw fault("the file ends within a string") }
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw fault("a string that is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"): try appendEscape(to: &content)
      case 0..<0x20: throw fault("a control character within a string")
      default: content.append(byte)
      }
    }
  }

  private mutating func appendEscape(to content: inout ArraySlice<UInt8>) throws(TokenizerError) {
    guard let byte = next else { throw fault("the file ends within a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0c)
    case UInt8(ascii: "n"): content.append(0x0a)
    case UInt8(ascii: "r"): content.append(0x0d)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xd800..<0xdc00).contains(code), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) {
        let low = try hexadecimal()
        guard (0xdc00..<0xe000).contains(low) else { throw fault("half of a surrogate pair") }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair") }
      content.append(contentsOf: UTF8.encode(scalar).map { Array($0) } ?? [])
    default: throw fault("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(TokenizerError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw fault("expected four hexadecimal digits after \\u")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  private func fault(_ problem: String) -> TokenizerError {
    let before = bytes.prefix(position)
    let line = before.count { $0 == 0x0a } + 1
    let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
    return .malformedJSON(file: file, line: line, column: position - lineStart + 1, problem: problem)
  }
}
