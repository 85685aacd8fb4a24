/// C memory for the length of a call: freed together when the arena goes.
final class Arena {
  private var blocks: [UnsafeMutableRawPointer] = []

  func one<Value: BitwiseCopyable>(_ value: Value) -> UnsafeMutablePointer<Value> { array([value]) }

  func array<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
    let pointer = UnsafeMutablePointer<Value>.allocate(capacity: max(values.count, 1))
    pointer.initialize(from: values, count: values.count)
    blocks.append(UnsafeMutableRawPointer(pointer))
    return pointer
  }

  func text(_ text: String) -> UnsafePointer<CChar> { UnsafePointer(array(Array(text.utf8CString))) }

  deinit { for block in blocks { block.deallocate() } }
}
