import PluginABI
import __NAME__

/// The plugin's table, found as the host finds it.
func table<Table>(_ kind: Int, as type: Table.Type) -> Table? {
  guard let descriptor = entry().pointee.descriptors[0], descriptor.pointee.kind == ap_kind(kind) else {
    return nil
  }
  return descriptor.pointee.interface.load(as: type)
}

/// Memory with these values. A test need not free it.
func memory<Value>(_ values: [Value]) -> UnsafeMutablePointer<Value> {
  let place = UnsafeMutablePointer<Value>.allocate(capacity: values.count)
  place.initialize(from: values, count: values.count)
  return place
}

/// A matrix, row by row.
func tensor(_ values: [Float], rows: Int64, columns: Int64) -> ap_tensor {
  var tensor = ap_tensor()
  tensor.data = UnsafeMutableRawPointer(memory(values))
  (tensor.ndim, tensor.device.type) = (2, 1)
  (tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes) = (2, 32, 1)
  (tensor.shape, tensor.strides) = (
    UnsafePointer(memory([rows, columns])), UnsafePointer(memory([columns, 1]))
  )
  return tensor
}
