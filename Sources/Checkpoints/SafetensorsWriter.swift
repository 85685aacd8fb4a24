import Files
import Foundation
import JSON
import Kernels
import OrderedCollections

/// A tensor that is to be written.
public struct TensorDeclaration: Sendable, Hashable {
  public let name: String
  public let shape: [Int]
  /// float32, float16 or bfloat16.
  public let type: StorageType

  public init(name: String, shape: [Int], type: StorageType) {
    self.name = name
    self.shape = shape
    self.type = type
  }
}

/// Writes a safetensors file as a stream. Names, shapes and types are declared first. The values then come as float32 and
/// are rounded to the declared type (to nearest, ties to even).
///
/// `finish()` puts the whole file in its place. Without it there is no file. The same calls give the same bytes.
public final class SafetensorsWriter: ModelSink {
  public let path: String

  private struct Slot {
    let type: StorageType
    let elements: Int
    let offset: Int
    var written = 0
  }

  private let file: AtomicFile
  private var slots: OrderedDictionary<String, Slot> = [:]
  private var narrowed: [UInt16] = []

  /// - Parameters:
  ///   - path: an existing file stays until `finish()`.
  ///   - tensors: in the order of their bytes, but wider types come first, for alignment.
  ///   - metadata: the header's `__metadata__`; PyTorch's readers expect `format`.
  /// - Throws: `.badWrite` for a declaration that the format does not have, `.cannotWrite`.
  public init(
    path: String, tensors: [TensorDeclaration], metadata: OrderedDictionary<String, String> = ["format": "pt"]
  ) throws(CheckpointError) {
    self.path = path
    var header = JSONObject()
    if !metadata.isEmpty {
      header["__metadata__"] = .object(JSONObject(metadata.map { ($0.key, .string($0.value)) }))
    }
    var end = 0
    // Swift's sort is stable.
    for tensor in tensors.sorted(by: { $0.type.bytesPerBlock == 4 && $1.type.bytesPerBlock != 4 }) {
      func refused(_ problem: String) -> CheckpointError {
        .badWrite(file: path, tensor: tensor.name, problem: problem)
      }
      guard tensor.type.isWritable, let typeName = tensor.type.safetensorsName else {
        throw refused("\(tensor.type) cannot be written: expected float32, float16 or bfloat16")
      }
      guard let bytes = tensor.type.byteCount(shape: tensor.shape), end <= Int.max - bytes - 1 << 32 else {
        throw refused("its shape \(tensor.shape) is no size")
      }
      guard header[tensor.name] == nil, tensor.name != "__metadata__" else {
        throw refused("its name is declared twice")
      }
      slots[tensor.name] = Slot(type: tensor.type, elements: bytes / tensor.type.bytesPerBlock, offset: end)
      header[tensor.name] = .object([
        "dtype": .string(typeName), "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": .array([.integer(end), .integer(end + bytes)]),
      ])
      end += bytes
    }
    var text = Array(JSONValue.object(header).compact.utf8)
    // Readers that map the file expect the data at a multiple of eight.
    text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
    file = try writing(try AtomicFile(path))
    dataStart = 8 + text.count
    var length = UInt64(text.count).littleEndian
    try withUnsafeBytes(of: &length) { bytes throws(CheckpointError) in
      try writing(try file.write(bytes, at: 0))
    }
    try text.withUnsafeBufferPointer { bytes throws(CheckpointError) in
      try writing(try file.write(UnsafeRawBufferPointer(bytes), at: 8))
    }
  }

  private let dataStart: Int

  /// Appends values to a tensor, in row-major order, Hugging Face's order of rows.
  /// - Throws: `.badWrite` for a name that was not declared or too many values, `.valueTooLarge` for finite
  ///   values that the type has only as infinity, `.cannotWrite`.
  public func append(_ values: UnsafeBufferPointer<Float>, to name: String) throws(CheckpointError) {
    guard let slot = slots[name] else {
      throw .badWrite(file: path, tensor: name, problem: "it was not declared")
    }
    guard values.count <= slot.elements - slot.written else {
      throw .badWrite(
        file: path, tensor: name,
        problem: "\(slot.written + values.count) values were given, \(slot.elements) declared")
    }
    let offset = dataStart + slot.offset + slot.written * slot.type.bytesPerBlock
    if slot.type == .float32 {
      try writing(try file.write(UnsafeRawBufferPointer(values), at: offset))
    } else {
      try writeNarrowed(values, to: name, type: slot.type, at: offset)
    }
    slots[name]?.written += values.count
  }

  /// Puts the file in its place.
  /// - Throws: `.badWrite` if a tensor lacks values, `.cannotWrite`; there is no new file then.
  public func finish() throws(CheckpointError) {
    try synchronize()
    try commit()
  }

  /// Writes everything to the disk under the temporary name.
  func synchronize() throws(CheckpointError) {
    for (name, slot) in slots where slot.written < slot.elements {
      file.discard()
      throw .badWrite(
        file: path, tensor: name, problem: "\(slot.elements) values were declared, \(slot.written) given")
    }
    try writing(try file.synchronize())
  }

  func commit() throws(CheckpointError) { try writing(try file.commit()) }

  private func writeNarrowed(
    _ values: UnsafeBufferPointer<Float>, to name: String, type: StorageType, at offset: Int
  ) throws(CheckpointError) {
    let piece = 1 << 16
    if narrowed.isEmpty { narrowed = [UInt16](repeating: 0, count: piece) }
    var start = 0
    while start < values.count {
      let count = min(piece, values.count - start)
      let source = UnsafeBufferPointer(rebasing: values[start..<start + count])
      let overflowed = narrowed.withUnsafeMutableBufferPointer { target in
        type == .float16
          ? ap_narrow_f16(source.baseAddress, target.baseAddress, Int64(count))
          : ap_narrow_bf16(source.baseAddress, target.baseAddress, Int64(count))
      }
      guard overflowed == 0 else {
        file.discard()
        throw .valueTooLarge(file: path, tensor: name, count: Int(overflowed), type: type)
      }
      try narrowed.withUnsafeBufferPointer { halves throws(CheckpointError) in
        let bytes = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: halves[..<count]))
        try writing(try file.write(bytes, at: offset + start * 2))
      }
      start += count
    }
  }
}

extension SafetensorsWriter {
  /// Writes float32 arrays, such as scores, each with its shape.
  /// - Throws: as the writer; `.badWrite` if values and shape do not match.
  public static func write(
    _ arrays: OrderedDictionary<String, (shape: [Int], values: [Float])>, to path: String,
    metadata: OrderedDictionary<String, String> = [:]
  ) throws(CheckpointError) {
    let declarations = arrays.map { TensorDeclaration(name: $0.key, shape: $0.value.shape, type: .float32) }
    let writer = try SafetensorsWriter(path: path, tensors: declarations, metadata: metadata)
    for (name, array) in arrays { try writer.append(array.values, to: name) }
    try writer.finish()
  }
}
