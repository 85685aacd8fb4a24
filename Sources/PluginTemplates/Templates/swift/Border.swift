// The border to the host. It is C, so no error may cross it.
import PluginABI

/// Why a call fails: a status and a sentence. The sentence is nil if a service of the host has noted its own.
struct Failure: Error {
  var status = AP_FAILED
  var sentence: String?
}

/// Does the work. An error becomes a status and a sentence.
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

/// Throws if a service of the host has failed, or is missing: `status` is nil then.
func check(_ status: ap_status?) throws {
  guard let status else { throw Failure(status: AP_UNSUPPORTED, sentence: "the host lacks a service") }
  if status != ap_status(AP_OK) { throw Failure(status: Int(status)) }
}

/// Unwraps a pointer that the header says is never null.
func present<Pointer>(_ pointer: Pointer?) throws -> Pointer {
  guard let pointer else { throw Failure(sentence: "the host handed in a null pointer") }
  return pointer
}

/// A matrix of the host. It is valid during the call.
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

/// The size of a struct, for its struct_size.
func size<Value>(_ type: Value.Type) -> UInt32 { UInt32(MemoryLayout<Value>.size) }

/// A constant that is valid until the process ends.
func constant<Value>(_ value: Value) -> UnsafePointer<Value> {
  constants([value])
}

/// Constants in a row, valid until the process ends.
func constants<Value>(_ values: [Value]) -> UnsafePointer<Value> {
  let place = UnsafeMutablePointer<Value>.allocate(capacity: values.count)
  place.initialize(from: values, count: values.count)
  return UnsafePointer(place)
}

/// A text with its NUL, valid until the process ends.
func text(_ text: String) -> UnsafePointer<CChar> { constants(Array(text.utf8CString)) }

/// Texts with a null pointer at the end.
func texts(_ list: [String]) -> UnsafePointer<UnsafePointer<CChar>?> {
  constants(list.map { text($0) } + [nil])
}

/// The `create` of a plugin that keeps nothing.
func createNothing(
  _ host: UnsafePointer<ap_host>?, _ options: UnsafePointer<CChar>?,
  _ instance: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> ap_status {
  instance?.pointee = nil
  return ap_status(AP_OK)
}

/// The `destroy` of a plugin that keeps nothing.
func destroyNothing(_ instance: UnsafeMutableRawPointer?) {}

/// The library of one plugin.
func library<Table>(
  of kind: Int, _ table: Table, statistics: [String], options: String
) -> UnsafePointer<ap_library> {
  let descriptor = ap_descriptor(
    struct_size: size(ap_descriptor.self), kind: ap_kind(kind), id: text("__ID__"),
    version: text("__VERSION__"), summary: text("__SUMMARY__"), licence: text("0BSD"), paper: nil,
    options_schema: text(options), statistics: texts(statistics),
    interface: UnsafeRawPointer(constant(table)),
    scores_compare: 0)  // a criterion's score ranks the units of one family of one layer
  return constant(
    ap_library(
      struct_size: size(ap_library.self), abi_major: UInt16(AP_ABI_MAJOR), abi_minor: UInt16(AP_ABI_MINOR),
      count: 1, descriptors: constants([constant(descriptor)])))
}
