import Processes

/// What the memory is made of that a call hands to a plugin.
package struct CallMemory: Sendable {
  package enum Placement: Sendable {
    case heap
    /// Between pages that nobody may touch, against the one behind, or the one in front. Inputs cannot be written.
    case guardedBehind, guardedInFront
  }

  package var placement = Placement.heap
  /// As a host of the next minor version has it: structs are longer than those that are known here, and say so.
  package var isLaterHost = false
  /// As a host of version 1.0 has it: structs end where that version's do.
  package var isOlderHost = false

  package init() {}

  /// Bytes that a later host's structs have more.
  static let laterBytes = 64
}

/// C memory for the length of a call: freed together when the arena goes.
package final class Arena {
  private let memory: CallMemory
  private var blocks: [UnsafeMutableRawPointer] = []
  private var isOutput: Set<UnsafeMutableRawPointer> = []

  package init(_ memory: CallMemory = CallMemory()) { self.memory = memory }

  private func allocate(bytes: Int, alignment: Int, _ name: StaticString) -> UnsafeMutableRawPointer {
    let block: UnsafeMutableRawPointer
    let isGuarded = memory.placement != .heap
    let isInFront = memory.placement == .guardedInFront
    let place = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
    if isGuarded, let made = ap_guarded_allocate(bytes, alignment, isInFront ? 1 : 0, place) {
      block = made
    } else {
      precondition(!isGuarded, "no memory is left for guarded buffers")
      block = .allocate(byteCount: max(bytes, 1), alignment: max(alignment, 16))
    }
    blocks.append(block)
    return block
  }

  /// A struct of the ABI. Its first member, `struct_size`, is set here.
  func structure<Value: BitwiseCopyable>(_ value: Value) -> UnsafeMutablePointer<Value> {
    let known = memory.isOlderHost ? StructGrowth.firstSize(of: Value.self) : MemoryLayout<Value>.size
    let size = known + (memory.isLaterHost ? CallMemory.laterBytes : 0)
    let block = allocate(bytes: size, alignment: MemoryLayout<Value>.alignment, "a struct of the host")
    block.initializeMemory(as: UInt8.self, repeating: 0xa5, count: size)
    withUnsafeBytes(of: value) { bytes in
      UnsafeMutableRawBufferPointer(start: block, count: known)
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(known)))
    }
    block.storeBytes(of: UInt32(size), as: UInt32.self)
    return block.assumingMemoryBound(to: Value.self)
  }

  /// A struct of the ABI for the plugin to read.
  func input<Value: BitwiseCopyable>(_ value: Value) -> UnsafePointer<Value>? {
    UnsafePointer(structure(value))
  }

  package func array<Value: BitwiseCopyable>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
    let block = allocate(
      bytes: values.count * MemoryLayout<Value>.stride, alignment: MemoryLayout<Value>.alignment,
      "an array of the host")
    let place = block.bindMemory(to: Value.self, capacity: max(values.count, 1))
    place.initialize(from: values, count: values.count)
    return place
  }

  func text(_ text: String) -> UnsafePointer<CChar> { UnsafePointer(array(Array(text.utf8CString))) }

  /// An array for the plugin to write, with room behind that tells if it writes too much: a wrong answer is then refused
  /// instead of a crash later.
  /// - Parameter spare: fills the room behind.
  func output<Value: BitwiseCopyable>(
    _ values: [Value], spare: Value, named name: StaticString
  ) -> OutputArray<Value> {
    let spares = memory.placement == .heap ? OutputArray<Value>.spareCount : 0
    let count = values.count + spares
    let block = allocate(
      bytes: count * MemoryLayout<Value>.stride, alignment: MemoryLayout<Value>.alignment, name)
    isOutput.insert(block)
    let place = block.bindMemory(to: Value.self, capacity: max(count, 1))
    place.initialize(from: values, count: values.count)
    (place + values.count).initialize(repeating: spare, count: spares)
    return OutputArray(pointer: place, count: values.count, spares: spares, spare: spare)
  }

  /// A struct of the ABI for the plugin to fill.
  func outputStructure<Value: BitwiseCopyable>(_ value: Value) -> UnsafeMutablePointer<Value> {
    let place = structure(value)
    isOutput.insert(UnsafeMutableRawPointer(place))
    return place
  }

  /// Everything is handed out: guarded inputs can only be read from now on.
  package func seal() {
    guard memory.placement != .heap else { return }
    for block in blocks where !isOutput.contains(block) { ap_guarded_seal(block) }
  }

  deinit {
    for block in blocks {
      if memory.placement == .heap { block.deallocate() } else { ap_guarded_free(block) }
    }
  }
}

/// What a plugin writes.
struct OutputArray<Value: BitwiseCopyable> {
  let pointer: UnsafeMutablePointer<Value>
  let count: Int
  fileprivate let spares: Int
  fileprivate let spare: Value

  fileprivate static var spareCount: Int { 16 }

  var values: [Value] { Array(UnsafeBufferPointer(start: pointer, count: count)) }

  /// Whether anything was written behind the end.
  var isOverrun: Bool {
    withUnsafeBytes(of: spare) { spare in
      (count..<count + spares).contains { index in
        !UnsafeRawBufferPointer(start: pointer + index, count: spare.count).elementsEqual(spare)
      }
    }
  }
}
