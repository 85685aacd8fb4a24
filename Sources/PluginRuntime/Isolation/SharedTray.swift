import Foundation
import Processes

/// Memory that two processes see: a file without a name. One side writes a message's arrays into it one after another, the
/// other reads them where they are. Offsets hold in both, addresses do not.
final class SharedTray {
  enum Side { case writer, reader }

  /// Why the system gave no memory.
  struct Failure: Error {
    let reason: String
  }

  let descriptor: Int32
  private let side: Side
  private var base: UnsafeMutableRawPointer?
  private var capacity = 0
  private var used = headerBytes

  /// The first page is the writer's word to the reader while a message is being worked on.
  static let headerBytes = 4096

  /// A new one, to write to.
  init() throws(Failure) {
    side = .writer
    descriptor = ap_memory_file("adapt-pruner")
    if descriptor < 0 { throw Self.failure("memory to share") }
    try map(Self.headerBytes)
  }

  /// - Parameter descriptor: inherited from the process that made it.
  init(_ descriptor: Int32, _ side: Side) throws(Failure) {
    self.side = side
    self.descriptor = descriptor
    switch side {
    case .writer: try map(Self.headerBytes)
    case .reader: try refresh()
    }
  }

  deinit {
    if let base { munmap(base, capacity) }
    close(descriptor)
  }

  private static func failure(_ what: String) -> Failure {
    Failure(reason: "there is no \(what): \(String(cString: strerror(errno)))")
  }

  private func map(_ bytes: Int) throws(Failure) {
    if side == .writer, ftruncate(descriptor, bytes) != 0 { throw Self.failure("room of \(bytes) bytes") }
    let protection = side == .writer ? PROT_READ | PROT_WRITE : PROT_READ
    guard let made = mmap(nil, bytes, protection, MAP_SHARED, descriptor, 0), made != MAP_FAILED else {
      throw Self.failure("room of \(bytes) bytes")
    }
    if let base { munmap(base, capacity) }
    base = made
    capacity = bytes
  }

  /// Reader: sees what the writer has added. Addresses handed out before are no longer good.
  func refresh() throws(Failure) {
    var state = stat()
    guard fstat(descriptor, &state) == 0 else { throw Self.failure("shared memory") }
    let size = Int(state.st_size)
    if size > capacity { try map(size) }
  }

  /// Bytes that both sides have of it.
  var size: Int {
    var state = stat()
    return fstat(descriptor, &state) == 0 ? Int(state.st_size) : capacity
  }

  // MARK: - The header's flag

  /// Whether the work is to stop.
  var isCancelled: Bool {
    get { (base?.load(as: UInt32.self) ?? 0) != 0 }
    set { base?.storeBytes(of: newValue ? 1 : 0, as: UInt32.self) }
  }

  // MARK: - Arrays

  /// Writer: begins a message; what was written before is no longer needed.
  func clear() { used = Self.headerBytes }

  /// Writer: copies `values`, and answers the offset at which the reader finds them.
  func put<Value: BitwiseCopyable>(_ values: UnsafeBufferPointer<Value>) throws(Failure) -> Int {
    let offset = (used + 63) & ~63
    let (bytes, tooMany) = values.count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
    let (end, tooFar) = offset.addingReportingOverflow(bytes)
    if tooMany || tooFar { throw Failure(reason: "\(values.count) elements are too many to share") }
    if end > capacity { try map(max(end, 2 * capacity)) }
    if bytes > 0, let from = values.baseAddress {
      base?.advanced(by: offset).copyMemory(from: from, byteCount: bytes)
    }
    used = end
    return offset
  }

  /// Reader: where the writer has put `count` values; nil if there is no such place.
  func view<Value: BitwiseCopyable>(_ offset: Int, count: Int, of type: Value.Type) -> UnsafePointer<Value>? {
    let (bytes, tooMany) = count.multipliedReportingOverflow(by: MemoryLayout<Value>.stride)
    let (end, tooFar) = offset.addingReportingOverflow(bytes)
    guard !tooMany, !tooFar, count >= 0, offset >= Self.headerBytes, offset % 64 == 0,
      end <= max(capacity, offset)
    else { return nil }
    return base.map { UnsafePointer($0.advanced(by: offset).assumingMemoryBound(to: type)) }
  }
}
