import PluginABI

/// `ap_evaluator` in this process.
final class EvaluatorTable: FunctionTable<ap_evaluator>, EvaluatorCalls {
  func evaluate(_ model: ModelSummary) throws(PluginError) -> EvaluationResult {
    let arena = host.arena()
    let collector = Collector()
    let sink = arena.input(
      ap_metrics(
        struct_size: 0, context: Unmanaged.passUnretained(collector).toOpaque(),
        metric: { sink, name, value, standardError, lowerIsBetter in
          guard let collector = Collector.of(sink), let name else { return }
          collector.result.metrics.append(
            EvaluationResult.Metric(
              name: String(cString: name), value: value,
              standardError: standardError.isNaN ? nil : standardError, lowerIsBetter: lowerIsBetter != 0))
        },
        item: { sink, name, value in
          guard let collector = Collector.of(sink), let name else { return }
          collector.add(value, to: String(cString: name))
        }))
    try withExtendedLifetime(collector) { () throws(PluginError) in
      try call("evaluate", model, arena, evaluating: true) { functions.evaluate(pointer, $0, $1, sink) }
    }
    return collector.result
  }

  private final class Collector {
    var result = EvaluationResult()
    private var places: [String: Int] = [:]

    func add(_ value: Double, to name: String) {
      if let place = places[name] {
        result.items[place].values.append(value)
      } else {
        places[name] = result.items.count
        result.items.append(EvaluationResult.Items(name: name, values: [value]))
      }
    }

    static func of(_ sink: UnsafePointer<ap_metrics>?) -> Collector? {
      sink?.pointee.context.map { Unmanaged<Collector>.fromOpaque($0).takeUnretainedValue() }
    }
  }
}
