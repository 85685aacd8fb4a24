import PluginRuntime
import Tensors

/// What a command is to the plugins that it calls. A run, an evaluation and a comparison have it from here, so that a
/// plugin finds the same arithmetic on the same threads in all of them.
struct PluginHost {
  let registry: PluginRegistry
  let seed: UInt64
  let workers: Workers
  let cancellation: Cancellation
  /// Told what plugins have to say.
  let log: @Sendable (_ plugin: String, _ level: HostServices.LogLevel, _ sentence: String) -> Void

  /// - Parameter log: told what plugins say before the reporter is, which shows all but what is for developers.
  init(
    registry: PluginRegistry, seed: UInt64, workers: Workers, reporter: any ProgressReporter,
    cancellation: Cancellation,
    log: @escaping @Sendable (String, HostServices.LogLevel, String) -> Void = { _, _, _ in }
  ) {
    self.registry = registry
    self.seed = seed
    self.workers = workers
    self.cancellation = cancellation
    self.log = { plugin, level, sentence in
      log(plugin, level, sentence)
      if level != .debug { reporter.note("\(plugin): \(sentence)") }
    }
  }

  func loaded(_ use: PluginUse) throws -> LoadedPlugin { try registry.load(use, threads: workers.count) }

  /// - Parameter drewRandomNumbers: told once answers depend on the seed.
  func services(drewRandomNumbers: @escaping @Sendable () -> Void = {}) -> HostServices {
    var services = HostServices(seed: seed)
    let cancellation = cancellation
    services.log = log
    services.isCancelled = { cancellation.isCancelled }
    services.drewRandomNumbers = drewRandomNumbers
    services.offerArithmetic(on: workers)
    return services
  }
}

extension PluginRegistry {
  /// A plugin as a pipeline uses it: in this process, or in one of its own with as many threads as this one computes with.
  func load(_ use: PluginUse, threads: Int) throws -> LoadedPlugin {
    try LoadedPlugin(loading: find(use.id), isolated: use.isolation?.with(threads: threads))
  }
}
