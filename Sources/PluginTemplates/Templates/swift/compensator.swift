import PluginABI

/// __SUMMARY__
///
///     bias += W[:, left] · mean x[left]
///
/// over the columns that left an output projection W [rows, columns], x being its inputs before the cut.
enum MeanBias {
  /// [rows]: what the bias gains.
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
  create: { _, _, instance in
    instance?.pointee = nil  // no options, nothing to keep
    return ap_status(AP_OK)
  },
  destroy: { _ in },
  statistics: nil,
  // Zero: the means are those of the model as it was before the cut.
  follows_cut: { _ in 0 },
  adds_bias: { _ in 1 },
  // The weights that stay are left as they are.
  compensate: { _, host, model, projection, weight, bias in
    guarded(host) { _ in
      let bias = try present(bias)  // there is one, since adds_bias says so
      for (row, gain) in try MeanBias.gain(of: present(projection).pointee).enumerated() {
        bias[row] = Float(Double(bias[row]) + gain)
      }
    }
  })

nonisolated(unsafe) private let plugin = library(
  of: ap_descriptor(
    struct_size: size(ap_descriptor.self), kind: ap_kind(AP_COMPENSATOR), id: text("__ID__"),
    version: text("__VERSION__"), summary: text("__SUMMARY__"), licence: text("0BSD"), paper: nil,
    options_schema: text(#"{"type": "object", "properties": {}}"#),
    statistics: texts(["input_mean"]), interface: UnsafeRawPointer(constant(table)), scores_compare: 0))

@c(adapt_pruner_plugin) public func entry() -> UnsafePointer<ap_library> { plugin }
