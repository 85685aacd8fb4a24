import JSON

/// What one evaluator found at one point of a run; `metrics.json` lists them all.
public struct EvaluationRecord: Record, Equatable {
  public struct Metric: Record, Equatable {
    /// By its definition: `wikitext2.token_perplexity@512`.
    public var name = ""
    /// Infinite where it was worse than any number: a perplexity that overflowed. Not a number where it isn't known.
    public var value = Double.nan
    /// nil where it isn't known.
    public var standardError: Double?
    /// Always known of what this version has measured.
    public var lowerIsBetter: Bool?

    public init() {}

    public init(name: String, value: Double, standardError: Double?, lowerIsBetter: Bool?) {
      self.name = name
      self.value = value
      self.standardError = standardError
      self.lowerIsBetter = lowerIsBetter
    }

    /// A value or error that isn't finite is null.
    package static let fields: [Field<Metric>] = [
      Field("name", \.name, .everybody), Field("value", \.value, .measured),
      Field("standard_error", \.standardError), Field("lower_is_better", \.lowerIsBetter, .resuming),
    ]
  }

  /// The label of the stage's execution.
  public var stage = ""
  /// The evaluator's id.
  public var evaluator = ""
  /// Of the model as it was measured; always known of what this version has measured.
  public var parameters: Int?
  /// Multiply-accumulates a token; known where the parameters are.
  public var macs: Int?
  public var seconds = 0.0
  public var metrics: [Metric] = []
  /// Single items' shares of a metric, in the order of the data, so that two runs can be compared item by item; not a number
  /// where one isn't finite.
  public var items: [Named<[Double]>] = []

  public init() {}
  package static let fields: [Field<EvaluationRecord>] = [
    Field("stage", \.stage, .everybody), Field("evaluator", \.evaluator, .resuming),
    Field("parameters", \.parameters, .resuming), Field("macs_per_token", \.macs, .resuming),
    Field("seconds", \.seconds, .resuming), Field("metrics", \.metrics, .resuming),
    Field("items", \.items, .members(of: .items), .resuming), Field("infinite", \.infinite),
  ]

  /// The names of metrics whose value is infinite, for which JSON has no word.
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

  package init() {}

  package init(_ evaluations: [EvaluationRecord]) { self.evaluations = evaluations }

  package static let fields: [Field<MetricsRecord>] = [
    Field("evaluations", \.evaluations, .resuming)
  ]
}
