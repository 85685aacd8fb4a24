import Foundation
import PluginRuntime
import Tensors
import Transformer

/// What a stage works with: the current model, plugins and their services, data, threads and the user.
///
/// Runs, evaluations, comparisons and the check before work share it. So a plugin finds the same arithmetic on the same
/// threads in all of them.
package struct StageContext {
  let model: LoadedModel
  let registry: PluginRegistry
  private(set) var seed: UInt64
  let workers: Workers
  package private(set) var reporter: any ProgressReporter
  let cancellation: Cancellation
  /// The stage's label, which messages begin with.
  package var label = ""
  /// A folder for data that are too large for memory.
  var scratchFolder = NSTemporaryDirectory()
  /// Receives every message of a plugin. The reporter shows all but debug messages.
  var record: @Sendable (_ plugin: String, _ level: HostServices.LogLevel, _ sentence: String) -> Void = {
    _, _, _ in
  }
  /// The isolation of plugins whose use does not state its own; nil for none.
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

  /// The same context for one stage.
  func labelled(_ label: String) -> StageContext { with(\.label, label) }
  func seeded(_ seed: Int) -> StageContext { with(\.seed, Self.bits(seed)) }
  var silent: StageContext { with(\.reporter, SilentProgress()) }

  private static func bits(_ seed: Int) -> UInt64 { UInt64(bitPattern: Int64(seed)) }

  /// The same context for a rehearsal with made-up values. It is silent, because plugins log again in the real work. Each
  /// plugin has its own process, so that it can't end the run. Tests can't start this program, and load plugins here.
  var rehearsing: StageContext {
    let name = CommandLine.arguments.first.map { ($0 as NSString).lastPathComponent }
    return silent.with(\.isolation, name == Tool.name ? Isolation() : nil)
  }

  // MARK: - Plugins

  /// Loads a plugin into this process, or into its own process with the same number of threads.
  func loaded(_ use: PluginUse) throws -> LoadedPlugin {
    try LoadedPlugin(
      loading: registry.find(use.id), isolated: (use.isolation ?? isolation)?.with(threads: workers.count))
  }

  /// Returns the services that every plugin gets.
  /// - Parameter drewRandomNumbers: called when answers begin to depend on the seed.
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
// MARK: - Progress and cancellation

extension StageContext {
  /// Runs a pass over calibration data and shows its phases. A large residual stream goes to the scratch folder.
  func calibrate(
    _ request: CalibrationRequest, title: String, visit: (CalibratedLayer) throws -> Void
  ) throws -> CalibrationResult {
    var request = request
    request.scratchFolder = scratchFolder
    return try following(title) { observer in
      try model.decoder.calibrate(request, workers: workers, observer: observer, visit: visit)
    }
  }

  /// Shows each phase of a pass through the layers.
  /// - Throws: what `pass` throws. Its observer throws `Interrupted`.
  func following<Result>(
    _ title: String, pass: (_ observer: @escaping PassObserver) throws -> Result
  ) throws -> Result {
    var phase: PassProgress.Phase?
    defer { reporter.end() }
    return try pass { progress in
      try cancellation.check()
      if phase != progress.phase {
        phase = progress.phase
        reporter.begin(progress.task(title))
      }
      reporter.advance(to: progress.done)
    }
  }

  /// Shows a task that counts layers. `work` calls `advance` with the number of finished layers.
  /// - Throws: what `work` throws. `advance` throws `Interrupted`.
  func followingLayers<Result>(
    _ title: String, work: (_ advance: @escaping (_ done: Int) throws -> Void) throws -> Result
  ) throws -> Result {
    reporter.begin(ProgressTask(title: title, total: model.decoder.layerCount, unit: "layers"))
    defer { reporter.end() }
    return try work { done in
      try cancellation.check()
      reporter.advance(to: done)
    }
  }
}

extension PassProgress {
  fileprivate func task(_ title: String) -> ProgressTask {
    switch phase {
    case .forward: ProgressTask(title: title + ": forward", total: total, unit: "layers")
    case .head: ProgressTask(title: title + ": head", total: total, unit: "tokens")
    case .backward: ProgressTask(title: title + ": backward", total: total, unit: "layers")
    case .removals: ProgressTask(title: title + ": models without one unit", total: total, unit: "layers")
    }
  }
}
