import PluginABI

/// Structs of the ABI that have grown since version 1.0.
enum StructGrowth {
  /// The size of a struct in version 1.0, in bytes.
  static func firstSize<Struct>(of type: Struct.Type) -> Int {
    let grown: Int? =
      switch type {
      case is ap_descriptor.Type: MemoryLayout<ap_descriptor>.offset(of: \.scores_compare)
      case is ap_criterion.Type: MemoryLayout<ap_criterion>.offset(of: \.scores_compare)
      case is ap_allocation.Type: MemoryLayout<ap_allocation>.offset(of: \.scores_compare)
      default: nil
      }
    return grown ?? MemoryLayout<Struct>.size
  }
}

/// Copies a plugin's struct. Members that the plugin's version lacks are zero or null.
/// - Parameters:
///   - pointer: a struct whose `struct_size` is at least that of version 1.0.
///   - version: the version of the ABI that both sides speak.
func whole<Struct>(_ pointer: UnsafePointer<Struct>, speaking version: ABIVersion) -> Struct {
  let source = UnsafeRawPointer(pointer)
  let stated = Int(source.load(as: UInt32.self))
  let known = version.minor == 0 ? StructGrowth.firstSize(of: Struct.self) : MemoryLayout<Struct>.size
  return withUnsafeTemporaryAllocation(
    byteCount: MemoryLayout<Struct>.size, alignment: MemoryLayout<Struct>.alignment
  ) { room in
    room.initializeMemory(as: UInt8.self, repeating: 0)
    room.copyMemory(from: UnsafeRawBufferPointer(start: source, count: min(stated, known)))
    return room.load(as: Struct.self)
  }
}
