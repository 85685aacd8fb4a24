import CFFI
import Foundation
import Processes

/// A function of a library that knows nothing of plugins, found by its symbol. The library stays loaded.
struct ForeignFunction: @unchecked Sendable {
  let signature: ForeignSignature
  let address: UnsafeMutableRawPointer
  /// The file with the symbol. The system's loader has found it if the plugin gives a bare name such as
  /// `libopenblas.so.0`.
  let library: String

  init(_ signature: ForeignSignature, of plugin: PluginDescription) throws(PluginError) {
    let name = plugin.library
    let handle = try LibraryFile.load(name, for: plugin)
    guard let address = dlsym(handle, signature.symbol) else {
      throw .noFunction(plugin: plugin.id, library: name, symbol: signature.symbol)
    }
    self.signature = signature
    self.address = address
    library = ap_file_of_function(address).map { String(cString: $0) } ?? name
  }
}

/// A call to a foreign function, to be made many times: libffi's description of it, and a place for each argument.
final class ForeignCall {
  private let function: ForeignFunction
  /// The memory of everything below.
  private let arena = Arena()
  private let cif: UnsafeMutablePointer<ffi_cif>
  private let types: UnsafeMutablePointer<UnsafeMutablePointer<ffi_type>?>
  /// The bits of each argument. libffi reads as many as the type has.
  private let slots: UnsafeMutablePointer<UInt64>
  /// The values of arguments by reference.
  private let cells: UnsafeMutablePointer<UInt64>
  private let places: UnsafeMutablePointer<UnsafeMutableRawPointer?>

  /// - Returns: nil if libffi cannot call such a function.
  init?(_ function: ForeignFunction) {
    self.function = function
    let arguments = function.signature.arguments
    let blank = [UInt64](repeating: 0, count: arguments.count)
    let slots = arena.array(blank)
    self.slots = slots
    cells = arena.array(blank)
    cif = arena.array([ffi_cif()])
    types = arena.array(arguments.map { Self.type(of: $0.type) })
    places = arena.array(arguments.indices.map { UnsafeMutableRawPointer(slots + $0) })
    let result =
      switch function.signature.returns {
      case .void: ap_ffi_void()
      case .status: ap_ffi_int32()
      case .float: ap_ffi_float()
      case .double: ap_ffi_double()
      }
    guard ap_ffi_prepare(cif, UInt32(arguments.count), result, types) == FFI_OK else { return nil }
    for (index, argument) in arguments.enumerated() { setConstant(argument, at: index) }
  }

  private static func type(of type: ForeignSignature.ArgumentType) -> UnsafeMutablePointer<ffi_type>? {
    switch type {
    case .int32: ap_ffi_int32()
    case .int64: ap_ffi_int64()
    case .float: ap_ffi_float()
    case .double: ap_ffi_double()
    default: ap_ffi_pointer()
    }
  }

  private func setConstant(_ argument: ForeignSignature.Argument, at index: Int) {
    switch argument.value {
    case .integer(let number): _ = set(number, at: index)
    case .number(let number):
      let isSingle = argument.type == .float || argument.type == .floatPointer
      put(isSingle ? UInt64(Float(number).bitPattern) : number.bitPattern, at: index)
    case .text(let text): slots[index] = Self.bits(arena.text(text))
    case .null, .named: break
    }
  }

  private static func bits(_ pointer: UnsafeRawPointer?) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }

  /// Sets a value, or its address if the function takes that.
  private func put(_ bits: UInt64, at index: Int) {
    if function.signature.arguments[index].type.isPointer {
      cells[index] = bits
      slots[index] = Self.bits(cells + index)
    } else {
      slots[index] = bits
    }
  }

  /// - Returns: whether the argument can hold the number.
  func set(_ number: Int, at index: Int) -> Bool {
    switch function.signature.arguments[index].type {
    case .int32, .int32Pointer:
      guard let narrow = Int32(exactly: number) else { return false }
      put(UInt64(UInt32(bitPattern: narrow)), at: index)
    default: put(UInt64(bitPattern: Int64(number)), at: index)
    }
    return true
  }

  func set(_ pointer: UnsafeRawPointer, at index: Int) { slots[index] = Self.bits(pointer) }

  /// - Returns: the bits of the function's result.
  func make() -> UInt64 {
    // libffi writes a whole register for every type.
    var result: UInt64 = 0
    ap_ffi_call(cif, function.address, &result, places)
    return result
  }
}
