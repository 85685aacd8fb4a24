import JSON

/// An instance of a plugin: the plugin with its options, whichever process it runs in. The kinds' subclasses check each
/// answer. Use an instance from one thread at a time.
public class PluginInstance<Calls>: KindInstance {
  public let plugin: LoadedPlugin
  /// The options with defaults filled in.
  public let options: JSONValue
  /// The statistics that the plugin needs with these options.
  public let statistics: [Statistic]
  let traits: Set<Trait>
  let calls: Calls

  public required init(
    of plugin: LoadedPlugin, options: JSONValue = [:], services: HostServices = HostServices()
  ) throws(PluginError) {
    let expected = PluginKind.allCases.first { $0.instance == Self.self } ?? plugin.kind
    func wrongKind() -> PluginError { .wrongKind(plugin: plugin.id, expected: expected, got: plugin.kind) }
    guard plugin.kind == expected else { throw wrongKind() }
    let options = try plugin.resolve(options)
    let made = try plugin.calls(options, services)
    guard let calls = made as? Calls else { throw wrongKind() }
    self.plugin = plugin
    self.options = options
    self.calls = calls
    statistics = made.statistics
    traits = made.traits
  }
}

/// An instance of any kind, as the worker process makes it.
protocol KindInstance: AnyObject {
  init(of plugin: LoadedPlugin, options: JSONValue, services: HostServices) throws(PluginError)
  var statistics: [Statistic] { get }
  var traits: Set<Trait> { get }
}

extension PluginKind {
  var instance: any KindInstance.Type {
    switch self {
    case .criterion: CriterionInstance.self
    case .allocator: AllocatorInstance.self
    case .compensator: CompensatorInstance.self
    case .transform: TransformInstance.self
    case .evaluator: EvaluatorInstance.self
    }
  }
}

extension LoadedPlugin {
  /// Makes the plugin's instance. `options` have their defaults filled in.
  fileprivate func calls(
    _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) -> any InstanceCalls {
    switch (backing, about.kind) {
    case (.worker(let worker), _):
      try WorkerInstance(self, worker, options: options, services: services)
    case (.function(let function), _): try ForeignCriterion(self, function, services: services)
    case (.table(let table), .criterion): try CriterionTable(self, table, options, services)
    case (.table(let table), .allocator): try AllocatorTable(self, table, options, services)
    case (.table(let table), .compensator): try CompensatorTable(self, table, options, services)
    case (.table(let table), .transform): try TransformTable(self, table, options, services)
    case (.table(let table), .evaluator): try EvaluatorTable(self, table, options, services)
    }
  }
}
