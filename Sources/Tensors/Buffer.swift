import Kernels

#if canImport(Glibc)
  import Glibc
#endif

/// Owned float32 memory, aligned to 64 bytes, with its element count; filled with zeros when made.
///
/// Unsafe pointers start here. Code that computes works on `base` and shapes of its own; each use
/// states the shape, and ranges are checked where a buffer is cut (`at(_:)`).
public final class Buffer: @unchecked Sendable {
  public let count: Int
  public let base: UnsafeMutablePointer<Float>

  /// - Parameter count: elements; at least one is allocated.
  public init(_ count: Int) {
    self.count = max(1, count)
    let bytes = (self.count * MemoryLayout<Float>.stride + 63) / 64 * 64
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    base = raw.bindMemory(to: Float.self, capacity: self.count)
  }

  deinit { UnsafeMutableRawPointer(base).deallocate() }

  /// The address of an element; `offset` may be one past the last.
  public func at(_ offset: Int) -> UnsafeMutablePointer<Float> {
    precondition(offset >= 0 && offset <= count, "offset \(offset) lies outside a buffer of \(count)")
    return base + offset
  }

  /// Hands the memory of buffers that are gone back to the system: a stage's gigabytes would otherwise stay this process's
  /// own, though free.
  public static func returnFreeMemory() { ap_return_free_memory() }

  public func zero() { base.update(repeating: 0, count: count) }

  public var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: base, count: count) }

  public convenience init(_ values: some Collection<Float>) {
    self.init(values.count)
    var next = base
    for value in values {
      next.pointee = value
      next += 1
    }
  }
}
