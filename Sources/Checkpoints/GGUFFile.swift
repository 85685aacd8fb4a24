import Files
import OrderedCollections

/// A GGUF file as it stands: its metadata, and its tensors under its own names.
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
public struct GGUFFile: Sendable {
  public let path: String
  public let version: Int
  public let metadata: OrderedDictionary<String, GGUFValue>
  /// Under GGUF's names, shapes turned to Hugging Face's order (rows first), rows as stored.
  public let tensors: OrderedDictionary<String, StoredTensor>

  /// Maps the file and checks its whole header.
  /// - Throws: a sentence about the first fault.
  public init(path: String) throws(CheckpointError) {
    let file = try reading(try MappedFile(path))
    var reader = GGUFReader(file)
    self.path = path
    version = try Self.version(&reader)

    // A tensor takes at least the length of its name, a count of dimensions, a type and an offset.
    let tensorCount = try reader.count(bytesEach: 24, "the number of tensors")
    // A key takes at least its length, its value's type and one byte.
    let keyCount = try reader.count(bytesEach: 13, "the number of metadata keys")

    var metadata = OrderedDictionary<String, GGUFValue>()
    for index in 0..<keyCount {
      let key = try reader.string("metadata key \(index)")
      if metadata.updateValue(try reader.value(of: key), forKey: key) != nil {
        throw .malformed(file: path, place: "the metadata", expected: "each key once", found: "\(key) twice")
      }
    }
    self.metadata = metadata

    let declarations = try (0..<tensorCount).map { (index) throws(CheckpointError) in
      try Self.declaration(&reader, index: index)
    }

    var alignment = 32
    if let value = metadata["general.alignment"] {
      guard case .integer(let number) = value, number > 0, number <= 1 << 20, number & (number - 1) == 0
      else {
        throw .malformed(
          file: path, place: "general.alignment", expected: "a power of two", found: value.summary)
      }
      alignment = number
    }
    let dataStart = min((reader.position + alignment - 1) / alignment * alignment, file.bytes.count)
    tensors = try Self.resolve(declarations, file: file, dataStart: dataStart, alignment: alignment)
  }

  private struct Declaration {
    let name: String
    let shape: [Int]
    let type: StorageType
    let offset: UInt64
  }

  private static func version(_ reader: inout GGUFReader) throws(CheckpointError) -> Int {
    let path = reader.file.path
    let magic = try reader.fixed(UInt32.self, "its magic number")
    guard magic == 0x4655_4747 else {
      let bytes = withUnsafeBytes(of: magic.littleEndian) { Array($0) }
      throw .wrongMagic(file: path, found: "the bytes \(bytes)")
    }
    let version = try reader.fixed(UInt32.self, "its version")
    guard version == 2 || version == 3 else {
      let swapped = version.byteSwapped
      throw .unsupportedVersion(
        file: path, found: swapped <= 3 ? "\(swapped), big-endian" : "\(version)")
    }
    return Int(version)
  }

  private static func declaration(
    _ reader: inout GGUFReader, index: Int
  ) throws(CheckpointError) -> Declaration {
    let path = reader.file.path
    let name = try reader.string("the name of tensor \(index)")
    let rank = try reader.fixed(UInt32.self, "the dimensions of \(name)")
    guard rank <= 4 else {  // GGML_MAX_DIMS
      throw .malformed(
        file: path, place: "tensor \(name)", expected: "at most 4 dimensions", found: "\(rank)")
    }
    let dimensions = try (0..<rank).map { (_) throws(CheckpointError) in
      try reader.fixed(UInt64.self, "the dimensions of \(name)")
    }
    let typeNumber = try reader.fixed(UInt32.self, "the type of \(name)")
    let offset = try reader.fixed(UInt64.self, "the offset of \(name)")
    guard let type = StorageType.ggmlTypes[typeNumber] else {
      throw .unknownType(file: path, tensor: name, found: "number \(typeNumber)")
    }
    // GGUF counts the fastest dimension first.
    let shape = dimensions.reversed().compactMap { Int(exactly: $0) }
    guard shape.count == dimensions.count else {
      throw .sizeOverflow(file: path, tensor: name, shape: "\(dimensions)")
    }
    return Declaration(name: name, shape: shape, type: type, offset: offset)
  }

  private static func resolve(
    _ declarations: [Declaration], file: MappedFile, dataStart: Int, alignment: Int
  ) throws(CheckpointError) -> OrderedDictionary<String, StoredTensor> {
    let available = file.bytes.count - dataStart
    var tensors = OrderedDictionary<String, StoredTensor>(minimumCapacity: declarations.count)
    for declared in declarations {
      let columns = declared.shape.last ?? 1
      guard columns % declared.type.blockSize == 0 else {
        throw .unalignedBlocks(
          file: file.path, tensor: declared.name, columns: columns, type: declared.type)
      }
      guard let bytes = declared.type.byteCount(shape: declared.shape) else {
        throw .sizeOverflow(file: file.path, tensor: declared.name, shape: "\(declared.shape)")
      }
      guard declared.offset % UInt64(alignment) == 0 else {
        throw .misaligned(
          file: file.path, tensor: declared.name, offset: declared.offset, alignment: alignment)
      }
      let (end, overflow) = declared.offset.addingReportingOverflow(UInt64(bytes))
      guard !overflow, end <= UInt64(available) else {
        throw .outOfBounds(
          file: file.path, tensor: declared.name, begin: declared.offset, end: overflow ? .max : end,
          available: available)
      }
      let tensor = StoredTensor(
        name: declared.name, shape: declared.shape, type: declared.type, mapping: file,
        offset: dataStart + Int(declared.offset), byteCount: bytes)
      if tensors.updateValue(tensor, forKey: declared.name) != nil {
        throw .duplicateTensor(file: file.path, tensor: declared.name)
      }
    }
    let sorted = tensors.values.sorted { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }
    for (one, next) in zip(sorted, sorted.dropFirst()) where next.offset < one.offset + one.byteCount {
      throw .overlap(file: file.path, first: one.name, second: next.name)
    }
    return tensors
  }
}
