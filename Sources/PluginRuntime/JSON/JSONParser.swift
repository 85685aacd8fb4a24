/// Where and why a text is not JSON. Lines and columns count from 1, columns in characters.
public struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  public var line: Int
  public var column: Int
  /// What was expected or found, without the place.
  public var reason: String

  public var description: String { "line \(line), column \(column): \(reason)" }
}

extension JSONValue {
  /// Reads RFC 8259 JSON: no comments, no trailing commas, each key of an object once.
  public init(parsing text: String) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8))
  }

  /// The same from bytes in UTF-8; a byte order mark is skipped.
  public init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
    var parser = JSONParser(bytes)
    self = try parser.document()
  }
}

/// A recursive-descent reader over UTF-8 bytes (the grammar of RFC 8259, section 2 onwards).
private struct JSONParser {
  /// Deeper documents than this are refused instead of overflowing the stack.
  static let deepest = 200

  let bytes: [UInt8]
  var position = 0
  var depth = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
    if String(validating: bytes, as: UTF8.self) == nil {
      throw error("this is not UTF-8 text", at: firstInvalidByte())
    }
    let value = try value()
    skipWhitespace()
    if position < bytes.count { throw error("expected the end, found \(found)") }
    return value
  }

  // MARK: Values

  private mutating func value() throws(JSONSyntaxError) -> JSONValue {
    skipWhitespace()
    guard let byte = peek else { throw error("expected a value, found the end") }
    switch byte {
    case UInt8(ascii: "{"):
      return .object(try nested { (parser) throws(JSONSyntaxError) in try parser.object() })
    case UInt8(ascii: "["):
      return .array(try nested { (parser) throws(JSONSyntaxError) in try parser.array() })
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      for (word, value) in [("true", JSONValue.bool(true)), ("false", .bool(false)), ("null", .null)]
      where bytes[position...].starts(with: word.utf8) {
        position += word.utf8.count
        return value
      }
      throw error("expected a value, found \(found)")
    }
  }

  private mutating func nested<Result>(
    _ read: (inout JSONParser) throws(JSONSyntaxError) -> Result
  ) throws(JSONSyntaxError) -> Result {
    if depth == Self.deepest { throw error("nested deeper than \(Self.deepest) levels") }
    depth += 1
    defer { depth -= 1 }
    return try read(&self)
  }

  private mutating func object() throws(JSONSyntaxError) -> JSONObject {
    var object = JSONObject()
    position += 1
    skipWhitespace()
    if take("}") { return object }
    while true {
      skipWhitespace()
      guard peek == UInt8(ascii: "\"") else { throw error("expected a key in quotes, found \(found)") }
      let start = position
      let key = try string()
      if object[key] != nil { throw error("the key \"\(key)\" is given twice", at: start) }
      skipWhitespace()
      if !take(":") { throw error("expected ':' after the key \"\(key)\", found \(found)") }
      object[key] = try value()
      skipWhitespace()
      if take("}") { return object }
      if !take(",") { throw error("expected ',' or '}', found \(found)") }
    }
  }

  private mutating func array() throws(JSONSyntaxError) -> [JSONValue] {
    var elements: [JSONValue] = []
    position += 1
    skipWhitespace()
    if take("]") { return elements }
    while true {
      elements.append(try value())
      skipWhitespace()
      if take("]") { return elements }
      if !take(",") { throw error("expected ',' or ']', found \(found)") }
    }
  }

  private mutating func number() throws(JSONSyntaxError) -> JSONValue {
    let start = position
    var isInteger = true
    _ = take("-")
    let leading = peek
    let length = digits()
    if length == 0 { throw error("expected a digit, found \(found)") }
    if leading == UInt8(ascii: "0"), length > 1 {
      throw error("a number does not start with 0", at: start)
    }
    if take(".") {
      isInteger = false
      if digits() == 0 { throw error("expected a digit after the point, found \(found)") }
    }
    if take("e") || take("E") {
      isInteger = false
      if !take("+") { _ = take("-") }
      if digits() == 0 { throw error("expected the exponent's digits, found \(found)") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw error("\(text) is too large a number", at: start)
    }
    return .number(value)
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text.append(contentsOf: try escaped())
      case 0..<0x20: throw error("a line break or control character within a string", at: position - 1)
      default: text.append(byte)
      }
    }
    throw error("the string that starts here does not end", at: start)
  }

  private mutating func escaped() throws(JSONSyntaxError) -> [UInt8] {
    guard let byte = peek else { throw error("the string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"):
      let start = position - 2
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low) { code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) }
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair", at: start) }
      return Array(String(Character(scalar)).utf8)
    default: throw error("an unknown escape", at: position - 2)
    }
  }

  private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
    let end = position + 4
    guard end <= bytes.count, bytes[position..<end].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let code = UInt32(String(decoding: bytes[position..<end], as: UTF8.self), radix: 16)
    else { throw error("expected four hexadecimal digits after \\u") }
    position = end
    return code
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func digits() -> Int {
    let start = position
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
    return position - start
  }

  private mutating func skipWhitespace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  // MARK: Mistakes

  private var found: String {
    guard position < bytes.count else { return "the end" }
    let rest = String(decoding: bytes[position...].prefix(16), as: UTF8.self)
    return rest.first.map { $0.isNewline ? "a line break" : "'\($0)'" } ?? "the end"
  }

  private func error(_ reason: String, at place: Int? = nil) -> JSONSyntaxError {
    let before = bytes[..<min(place ?? position, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONSyntaxError(
      line: 1 + before.count { $0 == 0x0A },
      column: 1 + String(decoding: before[lineStart...], as: UTF8.self).count, reason: reason)
  }

  /// The start of the first sequence that is not well-formed UTF-8. A first byte tells the sequence's length.
  private func firstInvalidByte() -> Int {
    var start = 0
    while start < bytes.count {
      let length = bytes[start] < 0x80 ? 1 : (~bytes[start]).leadingZeroBitCount
      let end = start + max(length, 1)
      if end > bytes.count || String(validating: bytes[start..<end], as: UTF8.self) == nil { return start }
      start = end
    }
    return start
  }
}
