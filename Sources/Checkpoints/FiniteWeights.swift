import Kernels
import Tensors

/// Looks for NaN and infinity in weights. A NaN spreads from layer to layer, so its origin has to be named.
extension Checkpoint {
  /// Checks every dequantized weight once.
  /// - Throws: `.notFinite` for the first tensor, in the model's order, with a NaN or an infinite value.
  public func requireFiniteWeights(workers: Workers) throws(CheckpointError) {
    for name in configuration.parameters.keys {
      let tensor = try tensor(named: name)
      try tensor.requireFinite(workers: workers)
      tensor.releasePages()
    }
  }
}

extension StoredTensor {
  /// Roughly the number of values that are dequantized at a time.
  private static let piece = 1 << 16

  /// - Throws: `.notFinite`.
  package func requireFinite(workers: Workers) throws(CheckpointError) {
    // A vector is dequantized as a whole.
    let rowsAtATime = shape.count > 1 ? max(1, Self.piece / max(1, columns)) : max(1, rows)
    let parts = (rows + rowsAtATime - 1) / rowsAtATime
    var found = [CheckpointError?](repeating: nil, count: parts)
    let scratch = (0..<workers.count).map { _ in Buffer(rowsAtATime * columns) }
    found.withUnsafeMutableBufferPointer { found in
      // Each part has an element of its own.
      nonisolated(unsafe) let found = found
      workers.run(parts) { part, worker in
        let range = part * rowsAtATime..<min(rows, (part + 1) * rowsAtATime)
        found[part] = notFinite(range, scratch[worker])
      }
    }
    for case let error? in found { throw error }
  }

  /// Returns the first fault of these rows.
  private func notFinite(_ range: Range<Int>, _ scratch: Buffer) -> CheckpointError? {
    let count = range.count * columns
    do {
      try dequantize(rows: .range(range), into: UnsafeMutableBufferPointer(start: scratch.base, count: count))
    } catch { return error }
    let index = Int(ap_first_not_finite(scratch.base, Int64(count)))
    guard index >= 0 else { return nil }
    let row = range.lowerBound + index / max(1, columns)
    return .notFinite(
      file: file, tensor: name, place: shape.count > 1 ? [row, index % max(1, columns)] : [row],
      value: scratch.base[index])
  }
}
