import Foundation
import OrderedCollections

/// A JSON document, literally: keys in their order, integers apart from other numbers. Foundation's parsers
/// forget the order of keys, and that a key came twice, which in a safetensors header is a fault to be named.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case string(String)
  case array([JSONValue])
  case object(OrderedDictionary<String, JSONValue>)

  /// What the value is, for a sentence: `“silu”`, `12`, `a list of 3`.
  public var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .real(let value): "\(value)"
    case .string(let value): "“\(value.count > 60 ? value.prefix(60) + "…" : value)”"
    case .array(let values): "a list of \(values.count)"
    case .object(let members): "an object with \(members.count) keys"
    }
  }
}

/// Why a text is not JSON.
public struct JSONProblem: Error, Equatable, Sendable {
  public let problem: String
  public let duplicateKey: String?
}

extension JSONValue {
  /// Parses RFC 8259 JSON. Refuses repeated keys and nesting deeper than 64.
  public static func parse(_ bytes: UnsafeRawBufferPointer) throws(JSONProblem) -> JSONValue {
    var parser = JSONParser(bytes: bytes)
    let value = try parser.value(depth: 0)
    try parser.end()
    return value
  }

  static func parse(file: String, bytes: UnsafeRawBufferPointer) throws(CheckpointError) -> JSONValue {
    do {
      return try parse(bytes)
    } catch {
      throw .notJSON(file: file, place: "the file", problem: error.problem)
    }
  }

  static func read(_ path: String) throws(CheckpointError) -> JSONValue {
    let file = try MappedFile(path)
    return try parse(file: path, bytes: file.bytes)
  }
}

private struct JSONParser {
  let bytes: UnsafeRawBufferPointer
  var position = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  func failure(_ problem: String, duplicateKey: String? = nil) -> JSONProblem {
    JSONProblem(problem: "\(problem) at byte \(position)", duplicateKey: duplicateKey)
  }

  mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 { position += 1 }
  }

  mutating func end() throws(JSONProblem) {
    skipSpace()
    if next != nil { throw failure("text after the end of the document") }
  }

  mutating func value(depth: Int) throws(JSONProblem) -> JSONValue {
    guard depth < 64 else { throw failure("nesting deeper than 64") }
    skipSpace()
    switch next {
    case nil: throw failure("unexpected end")
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    // Python's json module writes these for floats that JSON has no word for.
    case UInt8(ascii: "N"): return try literal("NaN", .real(.nan))
    case UInt8(ascii: "I"): return try literal("Infinity", .real(.infinity))
    default: return try number()
    }
  }

  mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONProblem) -> JSONValue {
    let count = word.utf8CodeUnitCount
    guard bytes.count - position >= count,
      (0..<count).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] })
    else { throw failure("unexpected word") }
    position += count
    return value
  }

  mutating func object(depth: Int) throws(JSONProblem) -> JSONValue {
    var members = OrderedDictionary<String, JSONValue>()
    position += 1
    skipSpace()
    if next == UInt8(ascii: "}") {
      position += 1
      return .object(members)
    }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("a key was expected") }
      let key = try string()
      skipSpace()
      guard next == UInt8(ascii: ":") else { throw failure("a colon was expected") }
      position += 1
      if members.updateValue(try value(depth: depth + 1), forKey: key) != nil {
        throw failure("the key “\(key)” comes twice", duplicateKey: key)
      }
      skipSpace()
      switch next {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "}"):
        position += 1
        return .object(members)
      default: throw failure("a comma or a closing brace was expected")
      }
    }
  }

  mutating func array(depth: Int) throws(JSONProblem) -> JSONValue {
    var elements: [JSONValue] = []
    position += 1
    skipSpace()
    if next == UInt8(ascii: "]") {
      position += 1
      return .array(elements)
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      switch next {
      case UInt8(ascii: ","): position += 1
      case UInt8(ascii: "]"):
        position += 1
        return .array(elements)
      default: throw failure("a comma or a closing bracket was expected")
      }
    }
  }

  mutating func number() throws(JSONProblem) -> JSONValue {
    let start = position
    var isReal = false
    loop: while let byte = next {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"): break
      case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isReal = true
      default: break loop
      }
      position += 1
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    let first = text.first
    guard position - start <= 400, let first, first == "-" || first.isNumber else {
      position = start
      throw failure("unexpected character")
    }
    if !isReal, let value = Int(text) { return .integer(value) }
    guard let value = Double(text) else {
      position = start
      throw failure("“\(text)” is not a number")
    }
    return .real(value)
  }

  mutating func string() throws(JSONProblem) -> String {
    position += 1
    let start = position
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    var units = [UInt8](bytes[start..<position])
    while let byte = next {
      if byte == UInt8(ascii: "\"") {
        position += 1
        guard let text = String(validating: units, as: UTF8.self) else {
          throw failure("a string that is not UTF-8")
        }
        return text
      }
      guard byte >= 0x20 else { throw failure("a control character within a string") }
      position += 1
      if byte != UInt8(ascii: "\\") {
        units.append(byte)
      } else {
        units.append(contentsOf: try escape())
      }
    }
    throw failure("unexpected end within a string")
  }

  mutating func escape() throws(JSONProblem) -> [UInt8] {
    guard let byte = next else { throw failure("unexpected end within a string") }
    position += 1
    switch byte {
    case UInt8(ascii: "n"): return [0x0a]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0d]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0c]
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "u"):
      let high = try hexadecimal()
      var code = UInt32(high)
      if (0xd800..<0xdc00).contains(high) {
        guard bytes.count - position >= 6, bytes[position] == UInt8(ascii: "\\"),
          bytes[position + 1] == UInt8(ascii: "u")
        else { throw failure("half of a surrogate pair") }
        position += 2
        let low = try hexadecimal()
        guard (0xdc00..<0xe000).contains(low) else { throw failure("half of a surrogate pair") }
        code = 0x10000 + (UInt32(high) - 0xd800) << 10 + (UInt32(low) - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair") }
      return Array(String(Character(scalar)).utf8)
    default: throw failure("an unknown escape")
    }
  }

  mutating func hexadecimal() throws(JSONProblem) -> UInt16 {
    guard bytes.count - position >= 4 else { throw failure("unexpected end within a string") }
    let digits = String(decoding: bytes[position..<position + 4], as: UTF8.self)
    guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let value = UInt16(digits, radix: 16)
    else { throw failure("four hexadecimal digits were expected") }
    position += 4
    return value
  }
}
