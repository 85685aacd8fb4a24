import Foundation
import PluginRuntime
import Tensors
import Transformer

/// What a stage has at hand: the model as it is now, plugins and what they are offered, data, threads, and the person who
/// waits. Runs, evaluations, comparisons and the check before work have it from here. So a plugin finds the same arithmetic
/// on the same threads in all of them.
package struct StageContext {
  let model: LoadedModel
  let registry: PluginRegistry
  private(set) var seed: UInt64
  let workers: Workers
  package private(set) var reporter: any ProgressReporter
  let cancellation: Cancellation
  /// What the work is called in messages: the stage's label.
  package var label = ""
  /// A folder for what is too large for memory.
  var scratchFolder = NSTemporaryDirectory()
  /// Told what plugins say before the reporter is, which shows all but what is for developers.
  var record: @Sendable (_ plugin: String, _ level: HostServices.LogLevel, _ sentence: String) -> Void = {
    _, _, _ in
  }
  /// How plugins are kept apart whose use says nothing of it; nil if they are not.
  private var isolation: Isolation?

  /// - Throws: what `LoadedModel` throws.
  init(
    modelPath: String, registry: PluginRegistry, seed: Int, threads: Int, reporter: any ProgressReporter,
    cancellation: Cancellation
  ) throws {
    model = try LoadedModel(path: modelPath, threads: threads)
    self.registry = registry
    self.seed = Self.bits(seed)
    workers = Workers(count: threads)
    self.reporter = reporter
    self.cancellation = cancellation
  }

  private func with<Value>(_ part: WritableKeyPath<StageContext, Value>, _ value: Value) -> StageContext {
    var context = self
    context[keyPath: part] = value
    return context
  }

  /// The same for one stage.
  func labelled(_ label: String) -> StageContext { with(\.label, label) }
  func seeded(_ seed: Int) -> StageContext { with(\.seed, Self.bits(seed)) }
  var silent: StageContext { with(\.reporter, SilentProgress()) }

  private static func bits(_ seed: Int) -> UInt64 { UInt64(bitPattern: Int64(seed)) }

  /// The same for a rehearsal with made-up values. It is silent, since a plugin that logs does so again at work. Plugins are
  /// called in processes of their own where this program can start itself, so that none of them can end the run.
  var rehearsing: StageContext {
    let name = CommandLine.arguments.first.map { ($0 as NSString).lastPathComponent }
    return silent.with(\.isolation, name == Tool.name ? Isolation() : nil)
  }

  // MARK: - Plugins

  /// A plugin as a pipeline uses it: in this process, or in one of its own with as many threads as this one computes with.
  func loaded(_ use: PluginUse) throws -> LoadedPlugin {
    try LoadedPlugin(
      loading: registry.find(use.id), isolated: (use.isolation ?? isolation)?.with(threads: workers.count))
  }

  /// What every plugin is offered.
  /// - Parameter drewRandomNumbers: told once answers depend on the seed.
  func services(drewRandomNumbers: @escaping @Sendable () -> Void = {}) -> HostServices {
    var services = HostServices(seed: seed)
    let (record, reporter, cancellation) = (record, reporter, cancellation)
    services.log = { plugin, level, sentence in
      record(plugin, level, sentence)
      if level != .debug { reporter.note("\(plugin): \(sentence)") }
    }
    services.progress = { reporter.tell(plugin: $0, done: $1, of: $2) }
    services.isCancelled = { cancellation.isCancelled }
    services.drewRandomNumbers = drewRandomNumbers
    services.offerArithmetic(on: workers)
    return services
  }

  func criterion(_ use: PluginUse) throws -> CriterionInstance {
    try CriterionInstance(of: loaded(use), options: .object(use.options), services: services())
  }

  func allocator(_ use: PluginUse) throws -> AllocatorInstance {
    try AllocatorInstance(of: loaded(use), options: .object(use.options), services: services())
  }

  func compensator(_ use: PluginUse) throws -> CompensatorInstance {
    try CompensatorInstance(of: loaded(use), options: .object(use.options), services: services())
  }

  func transform(_ use: PluginUse) throws -> TransformInstance {
    try TransformInstance(of: loaded(use), options: .object(use.options), services: services())
  }

  // MARK: - Data

  func sequences(of sample: CalibrationSample) throws -> [[Int32]] {
    try sample.sequences(from: model.corpus(of: sample.data))
  }
}
