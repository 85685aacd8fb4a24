import JSON
import PluginRuntime

/// What one evaluator found at one point of a run; `metrics.json` lists them all.
public struct EvaluationRecord: Sendable, Equatable {
  /// How sure a metric is.
  public enum Uncertainty: Sendable, Equatable {
    case unknown
    case standardError(Double)
  }

  public struct Metric: Sendable, Equatable {
    /// By its definition: `wikitext2.token_perplexity@512`.
    public let name: String
    /// Infinite where it was worse than any number: a perplexity that overflowed.
    public let value: Double
    public let uncertainty: Uncertainty
    public let lowerIsBetter: Bool

    public init(name: String, value: Double, uncertainty: Uncertainty, lowerIsBetter: Bool) {
      self.name = name
      self.value = value
      self.uncertainty = uncertainty
      self.lowerIsBetter = lowerIsBetter
    }
  }

  /// Single items' shares of a metric, so that two runs can be compared item by item.
  public struct Items: Sendable, Equatable {
    public let name: String
    public let values: [Double]

    public init(name: String, values: [Double]) {
      self.name = name
      self.values = values
    }
  }

  /// The label of the stage's execution.
  public let stage: String
  /// The evaluator's id.
  public let evaluator: String
  /// Of the model as it was measured.
  public let parameters: Int
  /// Multiply-accumulates a token.
  public let macs: Int
  public let seconds: Double
  public let metrics: [Metric]
  public let items: [Items]

  public init(
    stage: String, evaluator: String, parameters: Int, macs: Int, seconds: Double, metrics: [Metric],
    items: [Items]
  ) {
    self.stage = stage
    self.evaluator = evaluator
    self.parameters = parameters
    self.macs = macs
    self.seconds = seconds
    self.metrics = metrics
    self.items = items
  }

  /// What an evaluator answered, with where and on what it was asked.
  public init(
    stage: String, evaluator: String, parameters: Int, macs: Int, seconds: Double, result: EvaluationResult
  ) {
    self.init(
      stage: stage, evaluator: evaluator, parameters: parameters, macs: macs, seconds: seconds,
      metrics: result.metrics.map { metric in
        Metric(
          name: metric.name, value: metric.value,
          uncertainty: metric.standardError.map { .standardError($0) } ?? .unknown,
          lowerIsBetter: metric.lowerIsBetter)
      },
      items: result.items.map { Items(name: $0.name, values: $0.values) })
  }

  /// JSON has no word for infinity: an infinite value is null there, and `infinite` names its metric. An infinite item
  /// is null.
  public var json: JSONValue {
    var object: JSONObject = [
      "stage": .string(stage), "evaluator": .string(evaluator), "parameters": .integer(parameters),
      "macs_per_token": .integer(macs), "seconds": .number(seconds), "metrics": .array(metrics.map(\.json)),
      "items": .object(JSONObject(items.map { ($0.name, .array($0.values.map { .number($0) })) })),
    ]
    let infinite = metrics.filter(\.value.isInfinite)
    if !infinite.isEmpty { object["infinite"] = .array(infinite.map { .string($0.name) }) }
    return .object(object)
  }
}

extension EvaluationRecord.Metric {
  /// A value or error that isn't finite is null.
  var json: JSONValue {
    var object: JSONObject = ["name": .string(name), "value": .number(value)]
    if case .standardError(let error) = uncertainty { object["standard_error"] = .number(error) }
    object["lower_is_better"] = .bool(lowerIsBetter)
    return .object(object)
  }
}

// MARK: - Reading back, for a run that is resumed

extension EvaluationRecord {
  /// nil if a member is missing or of the wrong type.
  init?(json: JSONValue) {
    guard let stage = json["stage"]?.stringValue, let evaluator = json["evaluator"]?.stringValue,
      let parameters = json["parameters"]?.integerValue, let macs = json["macs_per_token"]?.integerValue,
      let seconds = json["seconds"]?.numberValue, let list = json["metrics"]?.arrayValue,
      case .object(let items)? = json["items"]
    else { return nil }
    let infinite = Set((json["infinite"]?.arrayValue ?? []).compactMap(\.stringValue))
    let metrics = list.compactMap { Metric(json: $0, infinite: infinite) }
    guard metrics.count == list.count else { return nil }
    self.init(
      stage: stage, evaluator: evaluator, parameters: parameters, macs: macs, seconds: seconds,
      metrics: metrics,
      items: items.members.map { member in
        Items(name: member.key, values: (member.value.arrayValue ?? []).map { $0.numberValue ?? .nan })
      })
  }
}

extension EvaluationRecord.Metric {
  /// - Parameter infinite: the names of metrics whose value is infinite, which is worse than any number.
  init?(json: JSONValue, infinite: Set<String>) {
    guard let name = json["name"]?.stringValue, let lower = json["lower_is_better"]?.boolValue else {
      return nil
    }
    let unwritten = infinite.contains(name) ? (lower ? Double.infinity : -.infinity) : .nan
    self.init(
      name: name, value: json["value"]?.numberValue ?? unwritten,
      uncertainty: json["standard_error"]?.numberValue.map { .standardError($0) } ?? .unknown,
      lowerIsBetter: lower)
  }
}
