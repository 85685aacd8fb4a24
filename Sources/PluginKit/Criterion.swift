import PluginABI

/// Answers: how much does each unit matter?
///
/// A library of plugins lists a type that conforms, and `adapt_pruner_plugin` returns the `Library`.
public protocol Criterion: PluginMethod {
  /// Whether scores compare across families with these options.
  ///
  /// If so, a score says what is lost with the unit, in one measure for all: the change of the loss, for example. A KV
  /// group and a channel can then be ranked together by score for each parameter. Otherwise a score ranks the units of
  /// one family of one layer.
  var scoresCompare: Bool { get }

  /// A finite score for each unit: [units.count]. A higher score means that the unit matters more.
  func scores(of units: Units, model: Model, host: Host) throws -> [Double]
}

extension Criterion {
  public var scoresCompare: Bool { Self.about.scoresCompare }
}

private typealias Instance = Box<any Criterion>

extension ap_criterion {
  init(_ create: @escaping Slots.Create) {
    self.init(
      struct_size: size(ap_criterion.self), create: create, destroy: destroyInstance,
      statistics: { Instance.of($0)?.statisticNames.pointer },
      score: { instance, host, model, units, scores in
        Instance.call(instance, host, model) { box, model, host in
          let units = try Units(present(units), statistics: box.statistics)
          let answer = try box.method.scores(of: units, model: model, host: host)
          guard answer.count == units.count else {
            throw PluginError("\(answer.count) scores were computed for \(units.count) units")
          }
          try present(scores).update(from: answer.map(Float.init), count: answer.count)
        }
      },
      scores_compare: { Instance.flag($0) { $0.scoresCompare } })
  }
}
