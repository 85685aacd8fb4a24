/// The metrics that an evaluator measured.
public struct EvaluationResult: Equatable, Sendable {
  /// In the plugin's order. Names are unique.
  public var metrics: [Metric] = []
  /// The values of single items, in the plugin's order.
  public var items: [Items] = []

  public struct Metric: Equatable, Sendable {
    public var name: String
    /// Finite, or the infinity that is worse than any number: a perplexity may overflow.
    public var value: Double
    /// Finite; nil if unknown.
    public var standardError: Double?
    public var lowerIsBetter: Bool
  }

  public struct Items: Equatable, Sendable {
    public var name: String
    /// Without NaN.
    public var values: [Double]
  }
}

/// An evaluator with its options.
public final class EvaluatorInstance: PluginInstance<any EvaluatorCalls> {
  public func evaluate(model: ModelSummary) throws(PluginError) -> EvaluationResult {
    var result = try calls.evaluate(model)
    try check(result)
    // A standard error that overflowed tells nothing.
    for index in result.metrics.indices where result.metrics[index].standardError?.isFinite == false {
      result.metrics[index].standardError = nil
    }
    return result
  }

  /// The most bytes of a metric's name.
  private static let longestName = 200

  private func check(_ result: EvaluationResult) throws(PluginError) {
    func bad(_ name: String, _ reason: String) -> PluginError {
      .badMetric(plugin: plugin.id, metric: name, reason: reason)
    }
    if result.metrics.isEmpty { throw .noMetrics(plugin: plugin.id) }
    var names: Set<String> = []
    for metric in result.metrics {
      let name = metric.name
      if name.isEmpty { throw bad(name, "its name is empty") }
      if name.utf8.count > Self.longestName || name.contains(where: { $0 == "|" || $0.isNewline })
        || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      {
        throw bad(
          String(name.filter { !$0.isNewline }.prefix(40)),
          "a name has at most \(Self.longestName) bytes, in one line, without | and control characters")
      }
      if !names.insert(name).inserted { throw bad(name, "it is given twice") }
      let isWorst = metric.value == (metric.lowerIsBetter ? .infinity : -.infinity)
      if !metric.value.isFinite, !isWorst {
        throw bad(name, "its value is \(metric.value), and must be finite")
      }
      if let error = metric.standardError, error.isNaN || error < 0 {
        throw bad(name, "its standard error is \(error), and must not be negative")
      }
    }
    for items in result.items {
      if items.name.isEmpty { throw bad("", "the name of its items is empty") }
      if let index = items.values.firstIndex(where: \.isNaN) {
        throw bad(items.name, "item \(index) is \(items.values[index]): no number")
      }
    }
  }
}
