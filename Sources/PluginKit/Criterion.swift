import PluginABI

/// How much does each unit matter?
///
/// A type that conforms is a plugin once `adapt_pruner_plugin` answers a `Library` that lists it.
public protocol Criterion {
  /// The options as they stand in the manifest, keys in camelCase here and snake_case there.
  associatedtype Options: Decodable

  static var about: About { get }

  init(options: Options) throws

  /// What this instance needs with its options, in the order in which `Matrix.statistics` will be.
  var statistics: [Statistic] { get }

  /// Whether, with these options, scores compare across families: a score says what is lost with the unit, in
  /// one measure for all, such as the change of the loss. A KV group and a channel can then be ranked together by score
  /// for each parameter. Otherwise a score ranks the units of one family of one layer.
  var scoresCompare: Bool { get }

  /// A finite score for each unit, the higher the more it matters: [units.count].
  func scores(of units: Units, model: Model, host: Host) throws -> [Double]
}

extension Criterion {
  public var statistics: [Statistic] { Self.about.statistics }
  public var scoresCompare: Bool { Self.about.scoresCompare }
}

/// An instance as it crosses the border: `void *instance`.
final class CriterionBox {
  let criterion: any Criterion
  let statistics: [String]
  let statisticNames: TextList

  init(_ criterion: any Criterion) {
    self.criterion = criterion
    statistics = criterion.statistics.map(\.rawValue)
    statisticNames = TextList(statistics)
  }

  static func table(_ create: @escaping Slots.Create) -> ap_criterion {
    ap_criterion(
      struct_size: size(ap_criterion.self), create: create,
      destroy: { instance in
        if let instance { Unmanaged<CriterionBox>.fromOpaque(instance).release() }
      },
      statistics: { instance in
        instance.map { Unmanaged<CriterionBox>.fromOpaque($0).takeUnretainedValue().statisticNames.pointer }
      },
      score: { instance, host, model, units, scores in
        guard let instance, let host, let model, let units, let scores else { return ap_status(AP_FAILED) }
        let box = Unmanaged<CriterionBox>.fromOpaque(instance).takeUnretainedValue()
        let services = Host(pointer: host)
        return services.status {
          let units = try Units(units, statistics: box.statistics)
          let answer = try box.criterion.scores(of: units, model: Model(model), host: services)
          guard answer.count == units.count else {
            throw PluginError("\(answer.count) scores were computed for \(units.count) units")
          }
          for (index, score) in answer.enumerated() { scores[index] = Float(score) }
        }
      },
      scores_compare: { instance in
        guard let instance else { return 0 }
        return Unmanaged<CriterionBox>.fromOpaque(instance).takeUnretainedValue().criterion.scoresCompare
          ? 1 : 0
      })
  }
}
