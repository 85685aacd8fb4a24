import PluginABI

/// Answers: how do the survivors make up for the removed units?
public protocol Compensator: PluginMethod {
  /// Whether inputs come from the earlier layers as cut and compensated. Otherwise they come from the model before the
  /// cut.
  var followsCut: Bool { get }

  /// Whether every output projection of a pruned family gets a bias.
  var addsBias: Bool { get }

  func compensate(_ projection: Projection, model: Model, host: Host) throws -> Projection.Change
}

/// An output projection, down_proj or o_proj, that is about to lose columns.
public struct Projection {
  /// New values for what stays of a projection.
  public struct Change {
    /// [rows, kept.count], row after row. nil leaves the kept columns as they are.
    public var weight: [Double]?
    /// [rows]. nil leaves the bias as it is. Only allowed if there is a bias, or with `addsBias`.
    public var bias: [Double]?

    public init(weight: [Double]? = nil, bias: [Double]? = nil) {
      self.weight = weight
      self.bias = bias
    }
  }

  /// "attention" or "mlp".
  public let family: String
  public let layer: Int
  /// "o_proj" or "down_proj".
  public let name: String
  /// [rows, columns], before the cut.
  public let weight: MatrixView
  /// [rows]. nil if the projection has no bias.
  public let bias: [Double]?
  /// The columns that stay, ascending.
  public let kept: [Int]
  private let statistics: StatisticViews

  /// The columns that leave, ascending.
  public var removed: [Int] {
    let kept = Set(kept)
    return (0..<weight.columns).filter { !kept.contains($0) }
  }

  /// A statistic that the instance asked for. The ABI's header states its shape.
  public func statistic(_ statistic: Statistic) throws -> MatrixView { try statistics.view(statistic) }

  init(_ projection: UnsafePointer<ap_projection>, statistics names: [String]) throws(PluginError) {
    let projection = projection.pointee
    name = String(cString: projection.name)
    family = String(cString: projection.family)
    layer = Int(projection.layer)
    weight = try MatrixView(projection.weight, name: name)
    let rows = weight.rows
    bias = projection.bias.map { UnsafeBufferPointer(start: $0, count: rows).map(Double.init) }
    kept = UnsafeBufferPointer(start: projection.kept, count: Int(projection.kept_count)).map(Int.init)
    statistics = try StatisticViews(projection.statistics, names: names, of: name)
  }
}

private typealias Instance = Box<any Compensator>

extension ap_compensator {
  init(_ create: @escaping Slots.Create) {
    self.init(
      struct_size: size(ap_compensator.self), create: create, destroy: destroyInstance,
      statistics: { Instance.of($0)?.statisticNames.pointer },
      follows_cut: { Instance.flag($0) { $0.followsCut } },
      adds_bias: { Instance.flag($0) { $0.addsBias } },
      compensate: { instance, host, model, projection, weight, bias in
        Instance.call(instance, host, model) { box, model, host in
          let projection = try Projection(present(projection), statistics: box.statistics)
          let change = try box.method.compensate(projection, model: model, host: host)
          let rows = projection.weight.rows
          try write(change.weight, to: present(weight), rows * projection.kept.count, "weights")
          try write(change.bias, to: bias, rows, "bias elements")
        }
      })
  }
}

private func write(
  _ values: [Double]?, to place: UnsafeMutablePointer<Float>?, _ count: Int, _ what: String
) throws(PluginError) {
  guard let values else { return }
  guard let place else { throw PluginError("a bias was made for a projection that has none") }
  guard values.count == count else {
    throw PluginError("\(values.count) \(what) were made in place of \(count)")
  }
  place.update(from: values.map(Float.init), count: count)
}
