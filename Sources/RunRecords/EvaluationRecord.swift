import JSON

/// The result of one evaluator at one point of a run. `metrics.json` lists them all.
public struct EvaluationRecord: Record, Equatable {
  public struct Metric: Record, Equatable {
    /// The definition: `wikitext2.token_perplexity@512`.
    public var name = ""
    /// Infinite if it was worse than any number, as a perplexity that overflowed. NaN if it isn't known.
    public var value = Double.nan
    /// nil if it isn't known.
    public var standardError: Double?
    /// This version always writes it.
    public var lowerIsBetter: Bool?

    init() {}
    public init(name: String, value: Double, standardError: Double?, lowerIsBetter: Bool?) {
      self.name = name
      self.value = value
      self.standardError = standardError
      self.lowerIsBetter = lowerIsBetter
    }

    package static let layout = Layout<Metric>(
      Metric(), Field("name", \.name, .everybody), Field("value", \.value, .measured),
      Field("standard_error", \.standardError), Field("lower_is_better", \.lowerIsBetter, .resuming))
  }

  /// The label of the stage's execution: `train.2`.
  public var stage = ""
  /// The evaluator's id.
  public var evaluator = ""
  /// The size of the measured model. This version always writes it.
  public var parameters: Int?
  /// Multiply-accumulates a token; known if the parameters are.
  public var macs: Int?
  public var seconds = 0.0
  public var metrics: [Metric] = []
  /// The share of each item in a metric, in the order of the data, so that two runs can be compared item by item. NaN if
  /// not finite.
  public var items: [Named<[Double]>] = []

  package static let layout = Layout<EvaluationRecord>(
    EvaluationRecord(), Field("stage", \.stage, .everybody), Field("evaluator", \.evaluator, .resuming),
    Field("parameters", \.parameters, .resuming), Field("macs_per_token", \.macs, .resuming),
    Field("seconds", \.seconds, .resuming), Field("metrics", \.metrics, .resuming),
    Field("items", \.items, .members(of: .items), .resuming), Field("infinite", \.infinite))

  /// The names of metrics with an infinite value, which JSON can't write.
  private var infinite: [String]? {
    get {
      let names = metrics.filter(\.value.isInfinite).map(\.name)
      return names.isEmpty ? nil : names
    }
    set {
      for index in metrics.indices where newValue?.contains(metrics[index].name) == true {
        guard metrics[index].value.isNaN else { continue }
        metrics[index].value = metrics[index].lowerIsBetter == false ? -.infinity : .infinity
      }
    }
  }
}

/// `metrics.json`: all evaluations of a run so far.
package struct MetricsRecord: Record {
  package var evaluations: [EvaluationRecord] = []

  package static let layout = Layout<MetricsRecord>(
    MetricsRecord(), Field("evaluations", \.evaluations, .resuming))
}
