import JSON
import PluginABI

/// `ap_evaluator` in this process.
final class EvaluatorTable: EvaluatorCalls {
  let statistics: [String] = []
  let traits: Set<Trait> = []
  private let table: ap_evaluator
  private let instance: PluginInstance

  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) {
    self.table = table.assumingMemoryBound(to: ap_evaluator.self).pointee
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: self.table.create,
      destroy: self.table.destroy)
  }

  func evaluate(_ model: ModelSummary) throws(PluginError) -> EvaluationResult {
    let arena = instance.host.arena()
    let collector = Collector()
    let sink = arena.structure(
      ap_metrics(
        struct_size: UInt32(MemoryLayout<ap_metrics>.size),
        context: Unmanaged.passUnretained(collector).toOpaque(),
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
    let model = model.inMemory(of: arena)
    arena.seal()
    try withExtendedLifetime(collector) { () throws(PluginError) in
      try instance.host.call("evaluate", evaluating: true) {
        table.evaluate(instance.pointer, $0, model, sink)
      }
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
