import PluginABI

/// __SUMMARY__
///
///     bias += W[:, left] · mean x[left]
///
/// The columns `left` are those that leave the output projection W [rows, columns]. x is its input before the cut.
enum MeanBias {
  /// The change of the bias: [rows].
  static func gain(of projection: ap_projection) throws -> [Double] {
    let (weight, mean) = (
      try Matrix(projection.weight), try Matrix(present(projection.statistics).pointee)  // mean: [1, columns]
    )
    let kept = Set(UnsafeBufferPointer(start: projection.kept, count: Int(projection.kept_count)))
    let left = (0..<weight.columns).filter { !kept.contains(Int64($0)) }
    return (0..<weight.rows).map { row in
      left.reduce(0) { $0 + weight[row, $1] * mean[0, $1] }
    }
  }
}

private let table = ap_compensator(
  struct_size: size(ap_compensator.self),
  create: createNothing,
  destroy: destroyNothing,
  statistics: nil,
  // Zero: the means are those of the model before the cut.
  follows_cut: { _ in 0 },
  adds_bias: { _ in 1 },
  // Changes the bias only. The remaining weights stay as they are.
  compensate: { _, host, model, projection, weight, bias in
    guarded(host) { _ in
      let bias = try present(bias)  // adds_bias answers 1, so there is a bias
      for (row, gain) in try MeanBias.gain(of: present(projection).pointee).enumerated() {
        bias[row] = Float(Double(bias[row]) + gain)
      }
    }
  })

nonisolated(unsafe) private let plugin = library(
  of: AP_COMPENSATOR, table,
  statistics: ["input_mean"],
  options: #"{"type": "object", "properties": {}}"#)

@c(adapt_pruner_plugin) public func entry() -> UnsafePointer<ap_library> { plugin }
