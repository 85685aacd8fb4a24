import Kernels

/// Owned float32 memory, aligned to 64 bytes and filled with zeros.
///
/// Unsafe pointers start here. Code that computes uses `base` and states the shape. `at(_:)` checks its bound.
public final class Buffer: @unchecked Sendable {
  /// Elements.
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

  /// The matrix with rows of `stride` elements that begins at an element.
  public func rows(_ stride: Int, from offset: Int = 0) -> Rows { Rows(at(offset), stride: stride) }

  /// The first elements.
  public func prefix(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    precondition(count <= self.count, "\(count) elements of a buffer of \(self.count)")
    return UnsafeMutableBufferPointer(start: base, count: count)
  }

  /// Returns the memory of freed buffers to the system. The allocator keeps it otherwise.
  public static func returnFreeMemory() { ap_return_free_memory() }

  public func fill(_ value: Float) { base.update(repeating: value, count: count) }
  public func zero() { fill(0) }

  public var values: UnsafeBufferPointer<Float> { UnsafeBufferPointer(start: base, count: count) }

  public convenience init(_ values: some Collection<Float>) {
    self.init(values.count)
    _ = prefix(values.count).update(fromContentsOf: values)
  }
}
