/// An output projection that is to lose columns. The pointers are borrowed for the length of the call.
public struct ProjectionRequest {
  public var family: String
  public var layer: Int
  /// "o_proj" or "down_proj".
  public var name: String
  /// [rows, columns], before the cut.
  public var weight: MatrixMemory
  /// [rows]; nil if it has none.
  public var bias: [Float]?
  /// The columns that stay, ascending.
  public var kept: [Int]
  /// By name; more than the compensator asks for may be here.
  public var statistics: [Statistic: MatrixMemory]

  public init(
    family: String, layer: Int, name: String, weight: MatrixMemory, bias: [Float]? = nil, kept: [Int],
    statistics: [Statistic: MatrixMemory] = [:]
  ) {
    self.family = family
    self.layer = layer
    self.name = name
    self.weight = weight
    self.bias = bias
    self.kept = kept
    self.statistics = statistics
  }
}

/// What is left of a projection.
public struct CompensatedProjection: Equatable, Sendable {
  /// [rows, kept]
  public var weight: [Float]
  /// [rows]; nil where there is none.
  public var bias: [Float]?
}

/// A compensator with its options.
public final class CompensatorInstance: PluginInstance<any CompensatorCalls> {
  /// Inputs are gathered from the layers before as cut and compensated; else from the model before the cut.
  public var followsCut: Bool { traits.contains(.followsCut) }
  /// Every output projection of a pruned family gets a bias.
  public var addsBias: Bool { traits.contains(.addsBias) }

  /// The projection without the columns that leave, changed.
  public func compensate(
    model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection {
    let place = "layer \(projection.layer), \(projection.name)"
    let (rows, columns) = (projection.weight.rows, projection.weight.columns)
    guard projection.kept.allSatisfy((0..<columns).contains),
      projection.bias.map({ $0.count == rows }) ?? true
    else {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "kept columns or bias", expected: "those of the weight",
        got: "others")
    }
    let answer = try calls.compensate(model, projection)
    try check(answer.weight, count: rows * projection.kept.count, place: place)
    if let bias = answer.bias { try check(bias, count: rows, place: place + "'s bias") }
    return answer
  }

  private func check(_ values: [Float], count: Int, place: String) throws(PluginError) {
    guard values.count == count else {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "the answer", expected: "\(count) elements",
        got: "\(values.count)")
    }
    if let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .outOfRange(
        plugin: plugin.id, place: place, field: "element \(index)", expected: "finite",
        got: "\(values[index])")
    }
  }
}
