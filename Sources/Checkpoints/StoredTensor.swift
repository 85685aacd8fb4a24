import Files
import Foundation

/// Which rows of a tensor to widen, in the order of the result.
public enum RowSelection: Sendable, Equatable {
  case all
  case range(Range<Int>)
  case rows([Int])
}

/// How the rows that a file stores follow from Hugging Face's.
public enum RowOrder: Sendable, Equatable {
  /// As they are.
  case stored
  /// llama.cpp's converter for `llama` models interleaves the halves of every query and key head, for its
  /// rotary embedding of adjacent pairs: `reshape(heads, 2, headDimension / 2, columns).swapaxes(1, 2)`
  /// (`LlamaModel.permute` in convert_hf_to_gguf.py).
  case interleavedHalves(headDimension: Int)

  /// Where the file has Hugging Face's row `row`.
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

/// A tensor of a checkpoint, in its file's own type, memory-mapped. Copying this value copies no weights;
/// it keeps the mapping alive.
public struct StoredTensor: Sendable {
  public let name: String
  /// As Hugging Face has it: `[outputs, inputs]` for a projection.
  public let shape: [Int]
  public let type: StorageType
  /// How the stored rows follow from those that `widen` counts.
  public let rowOrder: RowOrder
  /// What the file has added to the values, which `widen` takes off again: 1 in the norms of Gemma's GGUF files.
  let added: Float
  /// The file that holds it.
  public var file: String { mapping.path }
  /// Bytes in the file.
  public let byteCount: Int

  let mapping: MappedFile
  let offset: Int

  /// The caller has checked that the bytes lie in the file, that their number is the one that shape and type
  /// ask for, and that the rows divide into heads.
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

  /// The stored bytes, in the file's order of rows. Valid within the closure.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(mapping) { try body(bytes) }
  }

  /// Gives the tensor's pages back when its values have been copied and won't be read again soon: they would count as
  /// this process's memory until the kernel needs them.
  public func releasePages() { mapping.release(offset..<offset + byteCount) }

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: mapping.bytes[offset..<offset + byteCount])
  }

  /// Widens the selected rows and columns to float32.
  ///
  /// - Parameters:
  ///   - rows: row indices in Hugging Face's order (of a vector: its elements).
  ///   - columns: column indices, in the order of the result; nil for all.
  ///   - destination: `[selected rows, rowStride]`; what lies beyond a row's selected columns stays as it is.
  ///   - rowStride: elements from one row of the result to the next; nil for the number of selected columns.
  /// - Throws: `.badSelection` if an index or the destination does not fit, `.cannotWiden` for integer types.
  public func widen(
    rows selection: RowSelection = .all, columns selectedColumns: [Int]? = nil,
    into destination: UnsafeMutableBufferPointer<Float>, rowStride: Int? = nil
  ) throws(CheckpointError) {
    guard let widening = type.widening else {
      throw .cannotWiden(file: file, tensor: name, type: type)
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
      let whole = Widening(
        kernel: widening, source: source, type: type, order: rowOrder, rows: rows, columns: columns)
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

  /// All of it, widened to float32, `[rows, columns]`.
  public func floats() throws(CheckpointError) -> [Float] {
    var failure: CheckpointError?
    let values = [Float](unsafeUninitializedCapacity: elementCount) { buffer, initialized in
      do throws(CheckpointError) {
        try widen(into: UnsafeMutableBufferPointer(rebasing: buffer[..<elementCount]))
        initialized = elementCount
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return values
  }

  /// All of it, as integers: for token ids and indices in score files.
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

/// The loops of `StoredTensor.widen`. Every index in them has been checked by it.
private struct Widening {
  let kernel: StorageType.Widening
  let source: UnsafePointer<UInt8>
  let type: StorageType
  let order: RowOrder
  let rows: Int
  let columns: Int

  var bytesPerRow: Int { columns / type.blockSize * type.bytesPerBlock }

  @inline(__always)
  func forEachRow(_ selection: RowSelection, _ body: (_ index: Int, _ storedRow: Int) -> Void) {
    switch selection {
    case .all: for row in 0..<rows { body(row, order.storedRow(row)) }
    case .range(let range):
      for (index, row) in range.enumerated() { body(index, order.storedRow(row)) }
    case .rows(let list):
      for (index, row) in list.enumerated() { body(index, order.storedRow(row)) }
    }
  }

  /// Rows, each a run of blocks; in one call when they follow one another in file and result.
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

  /// Each row is widened whole to a scratch, since columns cut through blocks, and picked from there.
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

  /// A vector's blocks run along its elements.
  func vector(_ selection: RowSelection, count: Int, into target: UnsafeMutablePointer<Float>, stride: Int) {
    if selection == .all, order == .stored, stride == 1 { return kernel(source, target, Int64(rows)) }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: rows) { scratch in
      guard let scratch = scratch.baseAddress else { return }
      kernel(source, scratch, Int64(rows))
      forEachRow(selection) { index, row in target[index * stride] = scratch[row] }
    }
  }
}
