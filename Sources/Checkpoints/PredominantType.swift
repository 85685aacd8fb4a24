/// The type that a checkpoint's weights are mostly stored in, and the type to write them in.
extension Checkpoint {
  /// The type of most values in matrices, which counts as the model's type. Many files have norms and biases in float32,
  /// and quantised files have a finer embedding.
  public var predominantType: StorageType {
    var values: [StorageType: Int] = [:]
    for name in tensorNames {
      guard let tensor = try? tensor(named: name), tensor.shape.count > 1 else { continue }
      values[tensor.type, default: 0] += tensor.shape.reduce(1, *)
    }
    // Of equal counts the first in the list of types wins. It begins with the widest.
    return StorageType.allCases.max { values[$0, default: 0] < values[$1, default: 0] } ?? .float32
  }
}

extension StorageType {
  /// The type in which weights of this type are written by default: their own if it can be written. Quantised weights are
  /// written in bfloat16, which has the range of every type and 8 bits of precision, more than theirs.
  public var writtenAs: StorageType {
    if isWritable { return self }
    return self == .float64 ? .float32 : .bfloat16
  }
}
