/// What an evaluator found.
public struct EvaluationResult: Equatable, Sendable {
  /// In the order given; names are unique.
  public var metrics: [Metric] = []
  /// Values by item, in the order given.
  public var items: [Items] = []

  public struct Metric: Equatable, Sendable {
    public var name: String
    /// Finite, or infinite where that is worse than any number: a perplexity that overflowed.
    public var value: Double
    /// Finite; nil if it isn't known.
    public var standardError: Double?
    public var lowerIsBetter: Bool
  }

  public struct Items: Equatable, Sendable {
    public var name: String
    /// No NaN is among them.
    public var values: [Double]
  }
}

/// An evaluator with its options.
public final class EvaluatorInstance: PluginInstance<any EvaluatorCalls> {
  public func evaluate(model: ModelSummary) throws(PluginError) -> EvaluationResult {
    var result = try calls.evaluate(model)
    try check(result)
    // An error that overflowed says no more than none.
    for index in result.metrics.indices where result.metrics[index].standardError?.isFinite == false {
      result.metrics[index].standardError = nil
    }
    return result
  }

  /// Bytes of a metric's name.
  private static let longestName = 200

  private func check(_ result: EvaluationResult) throws(PluginError) {
    if result.metrics.isEmpty { throw .noMetrics(plugin: plugin.id) }
    var names: Set<String> = []
    for metric in result.metrics {
      func bad(_ reason: String) -> PluginError {
        .badMetric(plugin: plugin.id, metric: metric.name, reason: reason)
      }
      if metric.name.isEmpty { throw bad("its name is empty") }
      if metric.name.utf8.count > Self.longestName
        || metric.name.contains(where: { $0 == "|" || $0.isNewline })
        || metric.name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      {
        throw PluginError.badMetric(
          plugin: plugin.id, metric: String(metric.name.filter { !$0.isNewline }.prefix(40)),
          reason:
            "a name has at most \(Self.longestName) bytes, in one line, without | and control characters")
      }
      if !names.insert(metric.name).inserted { throw bad("it is given twice") }
      let isWorst = metric.value == (metric.lowerIsBetter ? .infinity : -.infinity)
      if !metric.value.isFinite, !isWorst { throw bad("its value is \(metric.value), and must be finite") }
      if let error = metric.standardError, error.isNaN || error < 0 {
        throw bad("its standard error is \(error), and must not be negative")
      }
    }
    for items in result.items {
      if items.name.isEmpty {
        throw .badMetric(plugin: plugin.id, metric: "", reason: "the name of its items is empty")
      }
      if let index = items.values.firstIndex(where: \.isNaN) {
        throw .badMetric(
          plugin: plugin.id, metric: items.name, reason: "item \(index) is \(items.values[index]): no number")
      }
    }
  }
}
