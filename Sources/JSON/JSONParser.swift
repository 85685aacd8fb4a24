import Wording

/// Why a text is not JSON, and where. Lines and columns count from 1; columns count characters.
public struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
  public var line: Int
  public var column: Int
  /// What was expected and found, without the place.
  public var reason: String
  /// The key, if the mistake is a repeated one.
  public var duplicateKey: String?

  public var description: String { "line \(line), column \(column): \(reason)" }
}

extension JSONValue {
  /// Reads JSON (RFC 8259). Comments, trailing commas and repeated keys are errors.
  public init(parsing text: String, _ dialect: JSONDialect = .standard) throws(JSONSyntaxError) {
    try self.init(parsing: Array(text.utf8), dialect)
  }

  /// Reads JSON from UTF-8. A byte order mark is skipped.
  public init(parsing bytes: [UInt8], _ dialect: JSONDialect = .standard) throws(JSONSyntaxError) {
    self = try bytes.withUnsafeBufferPointer { (bytes) throws(JSONSyntaxError) in
      try JSONValue(parsing: UnsafeRawBufferPointer(bytes), dialect)
    }
  }

  /// Reads JSON from a mapped file without copying it.
  public init(parsing bytes: UnsafeRawBufferPointer, _ dialect: JSONDialect = .standard)
    throws(JSONSyntaxError)
  {
    var parser = JSONParser(bytes, dialect)
    self = try parser.document()
  }
}

/// A recursive-descent parser over UTF-8 bytes (RFC 8259, section 2 onwards).
private struct JSONParser {
  /// Deeper documents are refused: they would overflow the stack.
  static let deepest = 200

  /// Every access is bounded by `peek` or a check against `count`.
  let bytes: UnsafeRawBufferPointer
  let dialect: JSONDialect
  var position = 0
  var depth = 0

  init(_ bytes: UnsafeRawBufferPointer, _ dialect: JSONDialect) {
    self.bytes = bytes
    self.dialect = dialect
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  mutating func document() throws(JSONSyntaxError) -> JSONValue {
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
    case UInt8(ascii: "{"): return .object(try object())
    case UInt8(ascii: "["): return .array(try array())
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default:
      if take(word: "true") { return .bool(true) }
      if take(word: "false") { return .bool(false) }
      if take(word: "null") { return .null }
      if dialect == .python {
        if take(word: "NaN") { return .number(.nan) }
        if take(word: "Infinity") { return .number(.infinity) }
        if take(word: "-Infinity") { return .number(-.infinity) }
      }
      if byte == UInt8(ascii: "-") { return try number() }
      throw error("expected a value, found \(found)")
    }
  }

  private mutating func enter() throws(JSONSyntaxError) {
    if depth == Self.deepest { throw error("nested deeper than \(Self.deepest) levels") }
    depth += 1
    position += 1
    skipWhitespace()
  }

  private mutating func object() throws(JSONSyntaxError) -> JSONObject {
    var object = JSONObject()
    try enter()
    defer { depth -= 1 }
    if take("}") { return object }
    while true {
      skipWhitespace()
      guard peek == UInt8(ascii: "\"") else { throw error("expected a key in quotes, found \(found)") }
      let start = position
      let key = try string()
      if object.place(of: key) != nil {
        throw error("the key \"\(ShownText.value(key))\" is given twice", at: start, duplicateKey: key)
      }
      skipWhitespace()
      if !take(":") { throw error("expected ':' after the key \"\(ShownText.value(key))\", found \(found)") }
      object.append(key, try value())
      skipWhitespace()
      if take("}") { return object }
      if !take(",") { throw error("expected ',' or '}', found \(found)") }
    }
  }

  private mutating func array() throws(JSONSyntaxError) -> [JSONValue] {
    var elements: [JSONValue] = []
    try enter()
    defer { depth -= 1 }
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
    guard let value = Double(text), value.isFinite || dialect == .python else {
      throw error("\(ShownText.value(text, longest: 40)) is too large a number", at: start)
    }
    return .number(value)
  }

  private mutating func string() throws(JSONSyntaxError) -> String {
    let opening = position
    position += 1
    // Most strings have no escapes.
    let start = position
    skipPlainCharacters()
    if peek == UInt8(ascii: "\"") {
      position += 1
      return try text(UnsafeRawBufferPointer(rebasing: bytes[start..<position - 1]))
    }
    var content = Array(bytes[start..<position])
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return try text(content)
      case UInt8(ascii: "\\"): try appendEscaped(to: &content)
      case 0..<0x20: throw error("a line break or control character within a string", at: position - 1)
      default:
        let start = position - 1
        skipPlainCharacters()
        content.append(contentsOf: bytes[start..<position])
      }
    }
    throw error("the string that starts here does not end", at: opening)
  }

  private mutating func skipPlainCharacters() {
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
  }

  private func text(_ content: some Collection<UInt8>) throws(JSONSyntaxError) -> String {
    if let text = String(validating: content, as: UTF8.self) { return text }
    throw error("this is not UTF-8 text", at: firstInvalidByte())
  }

  private mutating func appendEscaped(to content: inout [UInt8]) throws(JSONSyntaxError) {
    guard let byte = peek else { throw error("the string does not end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      let start = position - 2
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code), take("\\"), take("u") {
        let low = try hexadecimal()
        if (0xDC00..<0xE000).contains(low) { code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) }
      }
      guard let scalar = Unicode.Scalar(code) else { throw error("half of a surrogate pair", at: start) }
      content.append(contentsOf: String(Character(scalar)).utf8)
    default: throw error("an unknown escape", at: position - 2)
    }
  }

  private mutating func hexadecimal() throws(JSONSyntaxError) -> UInt32 {
    var code: UInt32 = 0
    let start = position
    while position < start + 4 {
      // A byte is a Latin-1 character here. Only ASCII has hexadecimal digits.
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw error("expected four hexadecimal digits after \\u", at: start)
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func take(word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.count - position >= count else { return false }
    for index in 0..<count where bytes[position + index] != word.utf8Start[index] { return false }
    position += count
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
    return rest.first.map { $0.isNewline ? "a line break" : "'\(ShownText.oneLine("\($0)"))'" } ?? "the end"
  }

  private func error(_ reason: String, at place: Int? = nil, duplicateKey: String? = nil) -> JSONSyntaxError {
    let before = bytes[..<min(place ?? position, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    return JSONSyntaxError(
      line: 1 + before.count { $0 == 0x0A },
      column: 1 + String(decoding: before[lineStart...], as: UTF8.self).count, reason: reason,
      duplicateKey: duplicateKey)
  }

  /// Returns the start of the first sequence that is not well-formed UTF-8. The first byte of a sequence tells its length.
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
