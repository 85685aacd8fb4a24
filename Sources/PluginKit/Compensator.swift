import PluginABI

/// How do the survivors make up for the removed?
public protocol Compensator {
  associatedtype Options: Decodable

  static var about: About { get }

  init(options: Options) throws

  /// What this instance needs with its options.
  var statistics: [Statistic] { get }

  /// Inputs come from the layers before as cut and compensated; else from the model as it was before the cut.
  var followsCut: Bool { get }

  /// Every output projection of a pruned family gets a bias.
  var addsBias: Bool { get }

  func compensate(_ projection: Projection, model: Model, host: Host) throws -> Projection.Change
}

extension Compensator {
  public var statistics: [Statistic] { Self.about.statistics }
}

/// An output projection, down_proj or o_proj, that is to lose columns.
public struct Projection {
  /// What is left of it, changed.
  public struct Change {
    /// [rows, kept.count], row after row; nil: the kept columns stay as they are.
    public var weight: [Double]?
    /// [rows]; nil: as it is. Only where there is one, or `addsBias`.
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
  /// [rows]; nil if it has none.
  public let bias: [Double]?
  /// The columns that stay, ascending.
  public let kept: [Int]
  private let statistics: [String: MatrixView]

  /// The columns that leave, ascending.
  public var removed: [Int] {
    let kept = Set(kept)
    return (0..<weight.columns).filter { !kept.contains($0) }
  }

  /// What was asked for, of the shape that the ABI's header states.
  public func statistic(_ statistic: Statistic) throws -> MatrixView {
    guard let view = statistics[statistic.rawValue] else {
      throw PluginError("the host has no \(statistic.rawValue) of \(name)", kind: .unsupported)
    }
    return view
  }

  init(_ projection: UnsafePointer<ap_projection>, statistics names: [String]) throws(PluginError) {
    let projection = projection.pointee
    name = String(cString: projection.name)
    family = String(cString: projection.family)
    layer = Int(projection.layer)
    weight = try MatrixView(projection.weight, name: name)
    let rows = weight.rows
    bias = projection.bias.map { UnsafeBufferPointer(start: $0, count: rows).map(Double.init) }
    kept = UnsafeBufferPointer(start: projection.kept, count: Int(projection.kept_count)).map(Int.init)
    var views: [String: MatrixView] = [:]
    for (index, statistic) in names.enumerated() {
      views[statistic] = try MatrixView(projection.statistics[index], name: "\(statistic) of \(name)")
    }
    statistics = views
  }
}

/// An instance as it crosses the border: `void *instance`.
final class CompensatorBox {
  let compensator: any Compensator
  let statistics: [String]
  let statisticNames: TextList

  init(_ compensator: any Compensator) {
    self.compensator = compensator
    statistics = compensator.statistics.map(\.rawValue)
    statisticNames = TextList(statistics)
  }

  private static func of(_ instance: UnsafeMutableRawPointer?) -> CompensatorBox? {
    instance.map { Unmanaged<CompensatorBox>.fromOpaque($0).takeUnretainedValue() }
  }

  static func table(_ create: @escaping Slots.Create) -> ap_compensator {
    ap_compensator(
      struct_size: size(ap_compensator.self), create: create,
      destroy: { instance in
        if let instance { Unmanaged<CompensatorBox>.fromOpaque(instance).release() }
      }, statistics: { CompensatorBox.of($0)?.statisticNames.pointer },
      follows_cut: { CompensatorBox.of($0)?.compensator.followsCut == true ? 1 : 0 },
      adds_bias: { CompensatorBox.of($0)?.compensator.addsBias == true ? 1 : 0 },
      compensate: { instance, host, model, projection, weight, bias in
        guard let box = CompensatorBox.of(instance), let host, let model, let projection, let weight else {
          return ap_status(AP_FAILED)
        }
        let services = Host(pointer: host)
        return services.status {
          let projection = try Projection(projection, statistics: box.statistics)
          let change = try box.compensator.compensate(projection, model: Model(model), host: services)
          try CompensatorBox.write(
            change.weight, to: weight, projection.weight.rows * projection.kept.count, "weights")
          try CompensatorBox.write(change.bias, to: bias, projection.weight.rows, "bias elements")
        }
      })
  }

  private static func write(
    _ values: [Double]?, to place: UnsafeMutablePointer<Float>?, _ count: Int, _ what: String
  ) throws(PluginError) {
    guard let values else { return }
    guard let place else { throw PluginError("a bias was made for a projection that has none") }
    guard values.count == count else {
      throw PluginError("\(values.count) \(what) were made in place of \(count)")
    }
    for (index, value) in values.enumerated() { place[index] = Float(value) }
  }
}
