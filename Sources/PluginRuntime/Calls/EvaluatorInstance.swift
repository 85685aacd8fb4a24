import JSON
import PluginABI

/// What an evaluator found.
public struct EvaluationResult: Equatable, Sendable {
  /// In the order given; names are unique.
  public var metrics: [Metric] = []
  /// Values by item, in the order given.
  public var items: [Items] = []

  public struct Metric: Equatable, Sendable {
    public var name: String
    public var value: Double
    public var standardError: Double?
    public var lowerIsBetter: Bool
  }

  public struct Items: Equatable, Sendable {
    public var name: String
    public var values: [Double]
  }
}

/// An evaluator with its options. One thread at a time.
public final class EvaluatorInstance {
  public let plugin: LoadedPlugin
  /// Resolved.
  public var options: JSONValue { instance.options }

  private let table: ap_evaluator
  private let instance: PluginInstance

  public init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    self.plugin = plugin
    table = try PluginInstance.table(of: plugin, kind: .evaluator, as: ap_evaluator.self)
    instance = try PluginInstance(
      of: plugin, options: options, services: services, create: table.create, destroy: table.destroy)
  }

  public func evaluate(model: ModelSummary) throws(PluginError) -> EvaluationResult {
    let arena = Arena()
    let collector = Collector()
    let sink = arena.one(
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
    try withExtendedLifetime(collector) { () throws(PluginError) in
      try instance.host.call("evaluate", evaluating: true) {
        table.evaluate(instance.pointer, $0, model, sink)
      }
    }
    try check(collector.result)
    return collector.result
  }

  private func check(_ result: EvaluationResult) throws(PluginError) {
    if result.metrics.isEmpty { throw .noMetrics(plugin: plugin.id) }
    var names: Set<String> = []
    for metric in result.metrics {
      func bad(_ reason: String) -> PluginError {
        .badMetric(plugin: plugin.id, metric: metric.name, reason: reason)
      }
      if metric.name.isEmpty { throw bad("its name is empty") }
      if !names.insert(metric.name).inserted { throw bad("it is given twice") }
      if !metric.value.isFinite { throw bad("its value is \(metric.value), and must be finite") }
      if let error = metric.standardError, !error.isFinite || error < 0 {
        throw bad("its standard error is \(error), and must be finite and not negative")
      }
    }
    for items in result.items {
      if items.name.isEmpty {
        throw .badMetric(plugin: plugin.id, metric: "", reason: "the name of its items is empty")
      }
      if let index = items.values.firstIndex(where: { !$0.isFinite }) {
        throw .badMetric(
          plugin: plugin.id, metric: items.name,
          reason: "item \(index) is \(items.values[index]), and must be finite")
      }
    }
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
