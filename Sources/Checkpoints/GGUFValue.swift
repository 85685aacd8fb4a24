import Files
import JSON

/// A value of a GGUF file's metadata. Integers of every width are `Int`, floats of both widths `Double`.
public enum GGUFValue: Sendable, Equatable {
  case integer(Int)
  case real(Double)
  case bool(Bool)
  case string(String)
  case integers([Int])
  case reals([Double])
  case bools([Bool])
  case strings([String])

  /// The value as error sentences show it.
  public var summary: String {
    json.summary
  }

  var json: JSONValue {
    switch self {
    case .integer(let value): .integer(value)
    case .real(let value): .number(value)
    case .bool(let value): .bool(value)
    case .string(let value): .string(value)
    case .integers(let values): .array(values.map { .integer($0) })
    case .reals(let values): .array(values.map { .number($0) })
    case .bools(let values): .array(values.map { .bool($0) })
    case .strings(let values): .array(values.map { .string($0) })
    }
  }
}

/// Reads the values of a GGUF header one after the other. Checks each against the rest of the file.
struct GGUFReader {
  let file: MappedFile
  private(set) var position = 0

  init(_ file: MappedFile) { self.file = file }

  var remaining: Int { file.bytes.count - position }

  mutating func fixed<Number: FixedWidthInteger>(
    _: Number.Type, _ place: @autoclosure () -> String
  ) throws(CheckpointError) -> Number {
    let size = MemoryLayout<Number>.size
    guard remaining >= size else {
      throw .truncated(file: file.path, place: place(), needed: size, available: remaining)
    }
    defer { position += size }
    return Number(littleEndian: file.bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
  }

  /// Reads a count of things that take at least `bytesEach` bytes each.
  mutating func count(bytesEach: Int, _ place: @autoclosure () -> String) throws(CheckpointError) -> Int {
    let count = try fixed(UInt64.self, place())
    guard count <= UInt64(remaining / bytesEach) else {
      throw .countTooLarge(file: file.path, place: place(), count: count, possible: remaining / bytesEach)
    }
    return Int(count)
  }

  mutating func string(_ place: @autoclosure () -> String) throws(CheckpointError) -> String {
    let length = try count(bytesEach: 1, "the length of \(place())")
    defer { position += length }
    // Some vocabularies have broken UTF-8. It is replaced, as other readers do.
    return String(decoding: file.bytes[position..<position + length], as: UTF8.self)
  }

  /// The value of `key`, by `enum gguf_metadata_value_type`.
  /// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
  mutating func value(of key: String) throws(CheckpointError) -> GGUFValue {
    let place = "the value of \(key)"
    let type = try fixed(UInt32.self, "the type of \(key)")
    guard type == 9 else {
      switch type {
      case 0: return .integer(Int(try fixed(UInt8.self, place)))
      case 1: return .integer(Int(try fixed(Int8.self, place)))
      case 2: return .integer(Int(try fixed(UInt16.self, place)))
      case 3: return .integer(Int(try fixed(Int16.self, place)))
      case 4: return .integer(Int(try fixed(UInt32.self, place)))
      case 5: return .integer(Int(try fixed(Int32.self, place)))
      case 6: return .real(Self.widened(try fixed(UInt32.self, place)))
      case 7: return .bool(try fixed(UInt8.self, place) != 0)
      case 8: return .string(try string(place))
      case 10: return try whole(try fixed(UInt64.self, place), key)
      case 11: return .integer(Int(try fixed(Int64.self, place)))
      case 12: return .real(Double(bitPattern: try fixed(UInt64.self, place)))
      default: throw unknown(type, key)
      }
    }
    let elementType = try fixed(UInt32.self, "the element type of \(key)")
    switch elementType {
    case 0: return .integers(try list(UInt8.self, key) { Int($0) })
    case 1: return .integers(try list(Int8.self, key) { Int($0) })
    case 2: return .integers(try list(UInt16.self, key) { Int($0) })
    case 3: return .integers(try list(Int16.self, key) { Int($0) })
    case 4: return .integers(try list(UInt32.self, key) { Int($0) })
    case 5: return .integers(try list(Int32.self, key) { Int($0) })
    case 6: return .reals(try list(UInt32.self, key) { Self.widened($0) })
    case 7: return .bools(try list(UInt8.self, key) { $0 != 0 })
    case 8: return .strings(try strings(key))
    case 10: return .integers(try list(UInt64.self, key) { Int(clamping: $0) })
    case 11: return .integers(try list(Int64.self, key) { Int($0) })
    case 12: return .reals(try list(UInt64.self, key) { Double(bitPattern: $0) })
    default: throw unknown(elementType, "the elements of \(key)")
    }
  }

  /// The double of the float's shortest decimal: 1e-5 as a float would be 9.999999747378752e-06 as a double.
  private static func widened(_ bits: UInt32) -> Double {
    let value = Float(bitPattern: bits)
    return Double("\(value)") ?? Double(value)
  }

  private func whole(_ value: UInt64, _ key: String) throws(CheckpointError) -> GGUFValue {
    guard let number = Int(exactly: value) else {
      throw .malformed(file: file.path, place: key, expected: "a number below 2^63", found: "\(value)")
    }
    return .integer(number)
  }

  private func unknown(_ type: UInt32, _ key: String) -> CheckpointError {
    .malformed(
      file: file.path, place: key, expected: "one of GGUF's types of values, 0…12, and no list within a list",
      found: "type \(type)")
  }

  private mutating func list<Stored: FixedWidthInteger, Element>(
    _: Stored.Type, _ key: String, _ element: (Stored) -> Element
  ) throws(CheckpointError) -> [Element] {
    let count = try count(bytesEach: MemoryLayout<Stored>.size, "the length of \(key)")
    return try (0..<count).map { (_) throws(CheckpointError) in element(try fixed(Stored.self, key)) }
  }

  private mutating func strings(_ key: String) throws(CheckpointError) -> [String] {
    let count = try count(bytesEach: 8, "the length of \(key)")
    return try (0..<count).map { (index) throws(CheckpointError) in try string("\(key)[\(index)]") }
  }
}
