import Foundation
import Processes

/// Memory that two processes share: a file without a name. One side writes a message's arrays one after another. The
/// other reads them in place. Both know a place by its offset, since their addresses differ.
final class SharedTray {
  enum Side { case writer, reader }

  let descriptor: Int32
  private let side: Side
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  private var used = headerBytes

  /// The first page. The writer can change it while the reader works on a message.
  static let headerBytes = 4096

  /// - Parameter descriptor: a file in memory, new or inherited from the process that made it. Below 0: there is none.
  init(_ descriptor: Int32, _ side: Side) throws(SystemFailure) {
    self.side = side
    self.descriptor = descriptor
    if descriptor < 0 { throw .now("there is no memory to share") }
    switch side {
    case .writer: try map(Self.headerBytes)
    case .reader: try refresh()
    }
  }

  deinit {
    if let base { munmap(base, capacity) }
    close(descriptor)
  }

  private func map(_ bytes: Int) throws(SystemFailure) {
    if side == .writer, ftruncate(descriptor, bytes) != 0 { throw .now("there is no room of \(bytes) bytes") }
    let protection = side == .writer ? PROT_READ | PROT_WRITE : PROT_READ
    guard let made = mmap(nil, bytes, protection, MAP_SHARED, descriptor, 0), made != MAP_FAILED else {
      throw .now("there is no room of \(bytes) bytes")
    }
    if let base { munmap(base, capacity) }
    base = made
    capacity = bytes
  }

  /// Reader: maps what the writer has added. Earlier addresses become invalid.
  func refresh() throws(SystemFailure) {
    var state = stat()
    guard fstat(descriptor, &state) == 0 else { throw .now("there is no shared memory") }
    let size = Int(state.st_size)
    if size > capacity { try map(size) }
  }

  /// The bytes of the file.
  var size: Int {
    var state = stat()
    return fstat(descriptor, &state) == 0 ? Int(state.st_size) : capacity
  }

  // MARK: - The header's flag

  /// Whether the reader has to stop its work.
  var isCancelled: Bool {
    get { (base?.load(as: UInt32.self) ?? 0) != 0 }
    set { base?.storeBytes(of: newValue ? 1 : 0, as: UInt32.self) }
  }

  // MARK: - Arrays

  /// Writer: begins a message. It overwrites the one before.
  func clear() { used = Self.headerBytes }

  /// Writer: copies `values` and returns their offset.
  func put<Value: BitwiseCopyable>(_ values: UnsafeBufferPointer<Value>) throws(SystemFailure) -> Int {
    let offset = (used + 63) & ~63
    let (bytes, tooMany) = values.count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
    let (end, tooFar) = offset.addingReportingOverflow(bytes)
    if tooMany || tooFar { throw SystemFailure(reason: "\(values.count) elements are too many to share") }
    if end > capacity { try map(max(end, 2 * capacity)) }
    if bytes > 0, let from = values.baseAddress {
      base?.advanced(by: offset).copyMemory(from: from, byteCount: bytes)
    }
    used = end
    return offset
  }

  /// Reader: the place of `count` values; nil if it is not in the tray.
  func view<Value: BitwiseCopyable>(_ offset: Int, count: Int, of type: Value.Type) -> UnsafePointer<Value>? {
    let (bytes, tooMany) = count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
    let (end, tooFar) = offset.addingReportingOverflow(bytes)
    guard !tooMany, !tooFar, count >= 0, offset >= Self.headerBytes, offset % 64 == 0,
      end <= max(capacity, offset)
    else { return nil }
    return base.map { UnsafePointer($0.advanced(by: offset).assumingMemoryBound(to: type)) }
  }
}
