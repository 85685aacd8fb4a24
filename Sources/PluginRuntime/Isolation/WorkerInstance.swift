import JSON

/// An instance of any kind in a worker process. Each call of it is a request to the worker.
final class WorkerInstance {
  let statistics: [Statistic]
  let traits: Set<Trait>
  private let plugin: LoadedPlugin
  private let worker: PluginWorker
  private let services: HostServices
  private let options: JSONObject
  private let number: Int

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    self.plugin = plugin
    self.worker = worker
    self.services = services
    self.options = options.objectValue ?? [:]
    let made = try worker.call(
      WireFunctions.create, Making(options: options.compact, seed: services.seed), services: services,
      limit: worker.limits.loadTimeLimit)
    number = made.instance
    statistics = made.statistics
    traits = Set(made.traits)
  }

  deinit {
    // A worker that is gone has destroyed it already.
    guard !worker.isGone else { return }
    do {
      _ = try worker.call(
        WireFunctions.destroy, number, services: services,
        limit: min(Self.mostSecondsToDestroy, worker.limits.timeLimit))
    } catch { services.log(plugin.id, .warning, "\(error)") }
  }

  private static let mostSecondsToDestroy = 10.0

  private func call<Request, Answer>(
    _ function: WireFunction<InstanceCall<Request>, Answer>, _ model: ModelSummary, _ request: Request,
    isWhole: (Answer) -> Bool = { _ in true }
  ) throws(PluginError) -> Answer {
    try worker.call(
      function, InstanceCall(instance: number, model: model, request: request), services: services,
      options: options, statistics: statistics, isWhole: isWhole)
  }
}

extension WorkerInstance: CriterionCalls, AllocatorCalls, CompensatorCalls, TransformCalls, EvaluatorCalls {
  func score(_ model: ModelSummary, _ units: UnitsRequest) throws(PluginError) -> [Float] {
    try call(WireFunctions.score, model, units) { $0.count == units.original.count }
  }

  func allocate(_ model: ModelSummary, _ request: AllocationRequest) throws(PluginError) -> [[Share]] {
    try call(WireFunctions.allocate, model, request) {
      $0.map(\.count) == request.layers.map(\.families.count)
    }
  }

  func compensate(
    _ model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection { try call(WireFunctions.compensate, model, projection) }

  func widths(_ model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    try call(WireFunctions.widths, model, residual)
  }

  func orient(_ model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double] {
    try call(WireFunctions.orient, model, place) { $0.count == place.gram.count }
  }

  func evaluate(_ model: ModelSummary) throws(PluginError) -> EvaluationResult {
    try call(WireFunctions.evaluate, model, Nothing())
  }
}
