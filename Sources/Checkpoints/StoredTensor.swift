import Files
import Foundation

/// The rows of a tensor to dequantize, in the order of the result.
public enum RowSelection: Sendable, Equatable {
  case all
  case range(Range<Int>)
  case rows([Int])
}

/// The order of rows in a file, compared with Hugging Face's.
public enum RowOrder: Sendable, Equatable {
  /// The same order.
  case stored
  /// llama.cpp's converter for `llama` models interleaves the halves of every query and key head, for its
  /// rotary embedding of adjacent pairs: `reshape(heads, 2, headDimension / 2, columns).swapaxes(1, 2)`
  /// (`LlamaModel.permute` in convert_hf_to_gguf.py).
  case interleavedHalves(headDimension: Int)

  /// The index in the file of Hugging Face's row `row`.
  @inline(__always)
  func storedRow(_ row: Int) -> Int {
    switch self {
    case .stored: return row
    case .interleavedHalves(let headDimension):
      let position = row % headDimension
      let half = headDimension / 2
      return row - position + (position < half ? 2 * position : 2 * (position - half) + 1)
    }
  }
}

/// A memory-mapped tensor of a checkpoint, in its file's type. A copy of this value copies no weights and keeps the
/// mapping alive.
public struct StoredTensor: Sendable {
  public let name: String
  /// As Hugging Face has it: `[outputs, inputs]` for a projection.
  public let shape: [Int]
  public let type: StorageType
  public let rowOrder: RowOrder
  /// A number that the file adds to the values and `dequantize` subtracts: 1 in the norms of Gemma's GGUF files.
  let added: Float
  /// The file that holds it.
  public var file: String { mapping.path }
  /// Bytes in the file.
  public let byteCount: Int

  let mapping: MappedFile
  let offset: Int

  /// The caller has checked that the bytes lie in the file, that their number follows from shape and type, and that
  /// the rows divide into heads.
  init(
    name: String, shape: [Int], type: StorageType, rowOrder: RowOrder = .stored, added: Float = 0,
    mapping: MappedFile, offset: Int, byteCount: Int
  ) {
    self.name = name
    self.shape = shape
    self.type = type
    self.rowOrder = rowOrder
    self.added = added
    self.mapping = mapping
    self.offset = offset
    self.byteCount = byteCount
  }

  public var elementCount: Int { shape.reduce(1, *) }

  /// Elements of the last dimension; 1 for a vector, whose elements are its rows.
  public var columns: Int { shape.count > 1 ? shape[shape.count - 1] : 1 }

  /// All dimensions but the last, as one; for a vector, its elements.
  public var rows: Int { columns == 0 ? 0 : elementCount / columns }

  /// Calls `body` with the stored bytes, in the file's order of rows. They are valid within the closure.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(mapping) { try body(bytes) }
  }

  /// Gives the tensor's pages back. Otherwise they count as this process's memory until the kernel needs them.
  public func releasePages() { mapping.release(offset..<offset + byteCount) }

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: mapping.bytes[offset..<offset + byteCount])
  }

  /// Writes the selected rows and columns as float32.
  ///
  /// - Parameters:
  ///   - rows: row indices in Hugging Face's order (of a vector: its elements).
  ///   - columns: column indices, in the order of the result; nil for all.
  ///   - destination: `[selected rows, rowStride]`; elements beyond the selected columns don't change.
  ///   - rowStride: elements from one row of the result to the next; nil for the number of selected columns.
  /// - Throws: `.badSelection` if an index or the destination does not fit, `.cannotDequantize` for integer types.
  public func dequantize(
    rows selection: RowSelection = .all, columns selectedColumns: [Int]? = nil,
    into destination: UnsafeMutableBufferPointer<Float>, rowStride: Int? = nil
  ) throws(CheckpointError) {
    guard let kernel = type.dequantizer else {
      throw .cannotDequantize(file: file, tensor: name, type: type)
    }
    let count = try selectedCount(selection)
    let width = try selectedWidth(selectedColumns)
    let stride = rowStride ?? width
    guard count > 0, width > 0 else { return }
    let (spanned, overflow) = (count - 1).multipliedReportingOverflow(by: stride)
    guard stride >= width, !overflow, spanned <= destination.count - width,
      let target = destination.baseAddress
    else {
      throw .badSelection(
        tensor: name,
        problem:
          "\(count) rows of \(width) values at a stride of \(stride) do not fit in \(destination.count)")
    }
    withExtendedLifetime(mapping) {
      guard let source = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      let whole = Dequantization(
        kernel: kernel, source: source, type: type, order: rowOrder, rows: rows, columns: columns)
      if shape.count <= 1 {
        whole.vector(selection, count: count, into: target, stride: stride)
      } else if let selectedColumns {
        whole.gather(selection, count: count, columns: selectedColumns, into: target, stride: stride)
      } else {
        whole.matrix(selection, count: count, into: target, stride: stride)
      }
    }
    guard added != 0 else { return }
    for row in 0..<count {
      for column in 0..<width { target[row * stride + column] -= added }
    }
  }

  /// All values as float32, `[rows, columns]`.
  public func floats() throws(CheckpointError) -> [Float] {
    var values = [Float](repeating: 0, count: elementCount)
    try values.withUnsafeMutableBufferPointer { (buffer) throws(CheckpointError) in
      try dequantize(into: buffer)
    }
    return values
  }

  /// All values as integers: token ids, or indices in score files.
  public func integers() throws(CheckpointError) -> [Int] {
    func read<Element: FixedWidthInteger>(_: Element.Type) -> [Int] {
      withBytes { bytes in
        (0..<elementCount).map {
          Int(
            truncatingIfNeeded: bytes.loadUnaligned(
              fromByteOffset: $0 * MemoryLayout<Element>.size, as: Element.self))
        }
      }
    }
    switch type {
    case .int64: return read(Int64.self)
    case .int32: return read(Int32.self)
    case .int16: return read(Int16.self)
    case .int8: return read(Int8.self)
    case .uint8, .bool: return read(UInt8.self)
    default: throw .notIntegers(file: file, tensor: name, type: type)
    }
  }

  private func selectedCount(_ selection: RowSelection) throws(CheckpointError) -> Int {
    switch selection {
    case .all: return rows
    case .range(let range):
      guard range.lowerBound >= 0, range.upperBound <= rows else {
        throw .badSelection(tensor: name, problem: "rows \(range) of \(rows) were asked for")
      }
      return range.count
    case .rows(let list):
      if let wrong = list.first(where: { $0 < 0 || $0 >= rows }) {
        throw .badSelection(tensor: name, problem: "row \(wrong) of \(rows) was asked for")
      }
      return list.count
    }
  }

  private func selectedWidth(_ list: [Int]?) throws(CheckpointError) -> Int {
    guard let list else { return columns }
    if let wrong = list.first(where: { $0 < 0 || $0 >= columns }) {
      throw .badSelection(tensor: name, problem: "column \(wrong) of \(columns) was asked for")
    }
    guard shape.count > 1 || list == [0] else {
      throw .badSelection(tensor: name, problem: "a vector has no columns to choose")
    }
    return list.count
  }
}

/// The loops of `StoredTensor.dequantize`, which has checked every index.
private struct Dequantization {
  let kernel: StorageType.Dequantizer
  let source: UnsafePointer<UInt8>
  let type: StorageType
  let order: RowOrder
  let rows: Int
  let columns: Int

  var bytesPerRow: Int { columns / type.blockSize * type.bytesPerBlock }

  @inline(__always)
  func forEachRow(_ selection: RowSelection, _ body: (_ index: Int, _ storedRow: Int) -> Void) {
    switch selection {
    case .all: forEachRow(.range(0..<rows), body)
    case .range(let range):
      for (index, row) in range.enumerated() { body(index, order.storedRow(row)) }
    case .rows(let list):
      for (index, row) in list.enumerated() { body(index, order.storedRow(row)) }
    }
  }

  /// Each row is a run of blocks. Rows that follow one another in file and result take one call.
  func matrix(_ selection: RowSelection, count: Int, into target: UnsafeMutablePointer<Float>, stride: Int) {
    if order == .stored, stride == columns {
      switch selection {
      case .all: return kernel(source, target, Int64(count * columns))
      case .range(let range):
        return kernel(source + range.lowerBound * bytesPerRow, target, Int64(count * columns))
      case .rows: break
      }
    }
    forEachRow(selection) { index, row in
      kernel(source + row * bytesPerRow, target + index * stride, Int64(columns))
    }
  }

  /// Dequantizes whole rows and picks the columns afterwards, since columns cut through blocks.
  func gather(
    _ selection: RowSelection, count: Int, columns selected: [Int], into target: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      selected.withUnsafeBufferPointer { selected in
        forEachRow(selection) { index, row in
          kernel(source + row * bytesPerRow, scratch, Int64(columns))
          let result = target + index * stride
          for (position, column) in selected.enumerated() { result[position] = scratch[column] }
        }
      }
    }
  }

  /// The blocks of a vector run along its elements.
  func vector(_ selection: RowSelection, count: Int, into target: UnsafeMutablePointer<Float>, stride: Int) {
    if selection == .all, order == .stored, stride == 1 { return kernel(source, target, Int64(rows)) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rows) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      kernel(source, scratch, Int64(rows))
      forEachRow(selection) { index, row in target[index * stride] = scratch[row] }
    }
  }
}
