import Files
import Foundation
import JSON
import OrderedCollections

/// A safetensors file: eight bytes with the length of a JSON header, the header, the tensors' bytes. Tensors must cover
/// these without gap or overlap. https://github.com/huggingface/safetensors#format
public struct SafetensorsFile: Sendable {
  public let path: String
  /// The header's `__metadata__`.
  public let metadata: OrderedDictionary<String, String>
  /// By name, in the order of their bytes.
  public let tensors: OrderedDictionary<String, StoredTensor>

  public var tensorNames: OrderedSet<String> { tensors.keys }

  /// Maps the file and checks its whole header.
  /// - Throws: a sentence about the first fault.
  public init(path: String) throws(CheckpointError) {
    self.path = path
    let file = try reading(try MappedFile(path))
    let header = try Self.header(of: file)
    var metadata = OrderedDictionary<String, String>()
    var found: [StoredTensor] = []
    for member in header.entries.members {
      let (name, description) = (member.key, member.value)
      if name == "__metadata__" {
        metadata = try Self.metadata(description, file: path)
      } else {
        found.append(try Self.tensor(name, description, file: file, dataStart: header.dataStart))
      }
    }
    found.sort { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
    try Self.checkCoverage(found, file: file, dataStart: header.dataStart)
    self.metadata = metadata
    tensors = OrderedDictionary(found.map { ($0.name, $0) }) { _, last in last }
  }

  /// The tensor of that name.
  /// - Throws: `.noSuchTensor`.
  public func tensor(named name: String) throws(CheckpointError) -> StoredTensor {
    guard let tensor = tensors[name] else { throw .noSuchTensor(file: path, tensor: name) }
    return tensor
  }

  private static func header(
    of file: MappedFile
  ) throws(CheckpointError) -> (entries: JSONObject, dataStart: Int) {
    guard file.bytes.count >= 8 else {
      throw .truncated(
        file: file.path, place: "the length of its header", needed: 8, available: file.bytes.count)
    }
    let length = UInt64(littleEndian: file.bytes.loadUnaligned(as: UInt64.self))
    let available = file.bytes.count - 8
    guard length <= UInt64(available) else {
      throw .headerTooLong(file: file.path, length: length, available: available)
    }
    let dataStart = 8 + Int(length)
    let json: JSONValue
    do {
      json = try JSONValue(parsing: UnsafeRawBufferPointer(rebasing: file.bytes[8..<dataStart]))
    } catch {
      // Every key of the header's top level is a tensor's name.
      if let name = error.duplicateKey, !["dtype", "shape", "data_offsets"].contains(name) {
        throw .duplicateTensor(file: file.path, tensor: name)
      }
      throw .notJSON(file: file.path, place: "the header", problem: "\(error)")
    }
    guard case .object(let members) = json else {
      throw .malformed(file: file.path, place: "the header", expected: "an object", found: json.summary)
    }
    return (members, dataStart)
  }

  private static func metadata(
    _ value: JSONValue, file: String
  ) throws(CheckpointError) -> OrderedDictionary<String, String> {
    // The format's own reader ignores null, too.
    if value == .null { return [:] }
    guard case .object(let members) = value else {
      throw .malformed(
        file: file, place: "__metadata__", expected: "an object of strings", found: value.summary)
    }
    var metadata = OrderedDictionary<String, String>()
    for member in members.members {
      let (key, value) = (member.key, member.value)
      guard case .string(let text) = value else {
        throw .malformed(file: file, place: "__metadata__.\(key)", expected: "a string", found: value.summary)
      }
      metadata[key] = text
    }
    return metadata
  }

  private static func tensor(
    _ name: String, _ description: JSONValue, file: MappedFile, dataStart: Int
  ) throws(CheckpointError) -> StoredTensor {
    func malformed(_ key: String, _ expected: String, _ found: JSONValue?) -> CheckpointError {
      .malformed(
        file: file.path, place: "the header's entry “\(name)”\(key)", expected: expected,
        found: found?.summary ?? "nothing")
    }
    guard case .object(let members) = description else { throw malformed("", "an object", description) }
    guard case .string(let typeName)? = members["dtype"] else {
      throw malformed(".dtype", "a string", members["dtype"])
    }
    guard let type = StorageType.safetensorsNames[typeName] else {
      throw .unknownType(file: file.path, tensor: name, found: typeName)
    }
    guard let shape = naturals(members["shape"]) else {
      throw malformed(".shape", "a list of sizes", members["shape"])
    }
    guard let range = naturals(members["data_offsets"]), range.count == 2, range[0] <= range[1] else {
      throw malformed(".data_offsets", "two offsets, the smaller first", members["data_offsets"])
    }
    guard let bytes = type.byteCount(shape: shape) else {
      throw .sizeOverflow(file: file.path, tensor: name, shape: "\(shape)")
    }
    let available = file.bytes.count - dataStart
    guard range[1] <= available else {
      throw .outOfBounds(
        file: file.path, tensor: name, begin: UInt64(range[0]), end: UInt64(range[1]), available: available)
    }
    guard bytes == range[1] - range[0] else {
      throw .sizeMismatch(
        file: file.path, tensor: name, shape: shape, type: type, expected: bytes, found: range[1] - range[0])
    }
    return StoredTensor(
      name: name, shape: shape, type: type, mapping: file, offset: dataStart + range[0], byteCount: bytes)
  }

  private static func naturals(_ value: JSONValue?) -> [Int]? {
    guard let elements = value?.arrayValue else { return nil }
    let numbers = elements.compactMap { element -> Int? in
      if case .integer(let number) = element, number >= 0 { number } else { nil }
    }
    return numbers.count == elements.count ? numbers : nil
  }

  private static func checkCoverage(
    _ sorted: [StoredTensor], file: MappedFile, dataStart: Int
  ) throws(CheckpointError) {
    var covered = dataStart
    var last = ""
    for tensor in sorted {
      if tensor.offset < covered { throw .overlap(file: file.path, first: last, second: tensor.name) }
      if tensor.offset > covered {
        throw .hole(file: file.path, begin: covered - dataStart, end: tensor.offset - dataStart)
      }
      covered += tensor.byteCount
      last = tensor.name
    }
    if covered < file.bytes.count {
      throw .hole(file: file.path, begin: covered - dataStart, end: file.bytes.count - dataStart)
    }
  }
}
