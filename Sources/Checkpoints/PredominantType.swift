extension Checkpoint {
  /// The type that most values of the matrices have: what the model is said to be stored in. Norms and biases stay in
  /// float32 in many files whose matrices are in another type, and a quantised file has its embedding in a finer one.
  public var predominantType: StorageType {
    var values: [StorageType: Int] = [:]
    for name in tensorNames {
      guard let tensor = try? tensor(named: name), tensor.shape.count > 1 else { continue }
      values[tensor.type, default: 0] += tensor.shape.reduce(1, *)
    }
    // Of equally many the first in the list of types, which begins with the widest.
    var predominant = StorageType.float32
    for type in StorageType.allCases where values[type, default: 0] > values[predominant, default: 0] {
      predominant = type
    }
    return predominant
  }
}

extension StorageType {
  /// What weights of this type are written in where nobody asks for another: their own type where it can be written, and
  /// of quantised ones bfloat16, which has the range of every type and whose 8 bits of precision are more than theirs.
  public var writtenAs: StorageType {
    if isWritable { return self }
    return self == .float64 ? .float32 : .bfloat16
  }
}
