// The border to the host: it is C, and no error may cross it.
import PluginABI

/// Why a call fails: a status, and a sentence unless a service of the host has noted its own.
struct Failure: Error {
  var status = AP_FAILED
  var sentence: String?
}

/// Does work, and makes a status and a sentence of what it throws.
func guarded(
  _ host: UnsafePointer<ap_host>?, _ work: (UnsafePointer<ap_host>) throws -> Void
) -> ap_status {
  guard let host else { return ap_status(AP_FAILED) }
  do {
    try work(host)
    return ap_status(AP_OK)
  } catch let failure as Failure {
    if let sentence = failure.sentence { host.pointee.set_error?(host, sentence) }
    return ap_status(failure.status)
  } catch {
    host.pointee.set_error?(host, "\(error)")
    return ap_status(AP_FAILED)
  }
}

/// What a service of the host answered; nil if there is no such service.
func check(_ status: ap_status?) throws {
  guard let status else { throw Failure(status: AP_UNSUPPORTED, sentence: "the host lacks a service") }
  if status != ap_status(AP_OK) { throw Failure(status: Int(status)) }
}

/// What the header says is never null.
func present<Pointer>(_ pointer: Pointer?) throws -> Pointer {
  guard let pointer else { throw Failure(sentence: "the host handed in a null pointer") }
  return pointer
}

/// A matrix of the host's, borrowed for the length of the call.
struct Matrix {
  let rows: Int
  let columns: Int
  private let values: UnsafePointer<Float>
  private let strides: UnsafePointer<Int64>

  init(_ tensor: ap_tensor) throws {
    let shape = try present(tensor.shape)
    (rows, columns) = (Int(shape[0]), Int(shape[1]))
    let start = UnsafeRawPointer(try present(tensor.data)) + Int(tensor.byte_offset)
    values = start.assumingMemoryBound(to: Float.self)
    strides = try present(tensor.strides)
  }

  subscript(row: Int, column: Int) -> Double {
    Double(values[row * Int(strides[0]) + column * Int(strides[1])])
  }
}

/// The length of a struct, for its struct_size.
func size<Value>(_ type: Value.Type) -> UInt32 { UInt32(MemoryLayout<Value>.size) }

/// A constant that is valid until the process ends.
func constant<Value>(_ value: Value) -> UnsafePointer<Value> {
  let place = UnsafeMutablePointer<Value>.allocate(capacity: 1)
  place.initialize(to: value)
  return UnsafePointer(place)
}

/// Elements one behind the other, valid until the process ends.
func constants<Value>(_ values: [Value]) -> UnsafePointer<Value> {
  let place = UnsafeMutablePointer<Value>.allocate(capacity: values.count)
  place.initialize(from: values, count: values.count)
  return UnsafePointer(place)
}

/// A text with its NUL, valid until the process ends.
func text(_ text: String) -> UnsafePointer<CChar> { constants(Array(text.utf8CString)) }

/// Texts, ended by a null pointer.
func texts(_ list: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
  constants(list.map { text($0) } + [nil])
}

/// A library of one plugin.
func library(of descriptor: ap_descriptor) -> UnsafePointer<ap_library> {
  constant(
    ap_library(
      struct_size: size(ap_library.self), abi_major: UInt16(AP_ABI_MAJOR), abi_minor: UInt16(AP_ABI_MINOR),
      count: 1, descriptors: constants([constant(descriptor)])))
}
