import JSON

/// An instance that lives in a worker.
private final class WorkerInstance {
  let plugin: LoadedPlugin
  let worker: PluginWorker
  let services: HostServices
  let options: JSONObject
  let statistics: [Statistic]
  /// What the instance says of itself, by the names of its kind's functions.
  let answers: [String: Bool]
  private let number: Int

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    self.plugin = plugin
    self.worker = worker
    self.services = services
    self.options = options.objectValue ?? [:]
    (number, statistics, answers) = try worker.call(
      .create, "create", services: services, limit: worker.limits.loadTimeLimit
    ) { packet in
      packet.put(options.compact)
      packet.put(services.seed)
    } read: { (packet: inout PacketReader) throws(ReadError) in
      let (number, statistics) = (try packet.int(), try packet.statistics(among: plugin.statistics))
      var answers: [String: Bool] = [:]
      for name in try packet.texts() { answers[name] = try packet.bool() }
      return (number, statistics, answers)
    }
  }

  deinit {
    // A worker that is gone has destroyed it already.
    guard !worker.isGone else { return }
    do {
      try worker.call(
        .destroy, "destroy", services: services,
        limit: min(Self.mostSecondsToDestroy, worker.limits.timeLimit)
      ) {
        $0.put(number)
      } read: {
        (_: inout PacketReader) throws(ReadError) in
      }
    } catch { services.log(plugin.id, .warning, "\(error)") }
  }

  private static let mostSecondsToDestroy = 10.0

  func call<Answer>(
    _ kind: FrameKind, _ function: String, model: ModelSummary,
    write: (inout PacketWriter) throws(WriteError) -> Void = { _ in },
    read: (inout PacketReader) throws(ReadError) -> Answer
  ) throws(PluginError) -> Answer {
    try worker.call(
      kind, function, services: services, options: options,
      write: { (packet: inout PacketWriter) throws(WriteError) in
        packet.put(number)
        model.put(to: &packet)
        try write(&packet)
      }, read: read)
  }
}

final class WorkerCriterion: CriterionCalls {
  private let instance: WorkerInstance
  var statistics: [Statistic] { instance.statistics }
  var scoresCompare: Bool { instance.answers["scores_compare"] ?? false }

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    instance = try WorkerInstance(plugin, worker, options: options, services: services)
  }

  func score(model: ModelSummary, units: UnitsRequest) throws(PluginError) -> [Float] {
    try instance.call(.score, "score", model: model) {
      (packet: inout PacketWriter) throws(WriteError) in
      try units.put(to: &packet, needed: statistics)
    } read: { (packet: inout PacketReader) throws(ReadError) in
      let answer = try packet.array(of: Float.self)
      guard answer.count == units.original.count else { throw ReadError() }
      return answer
    }
  }
}

final class WorkerAllocator: AllocatorCalls {
  private let instance: WorkerInstance
  var statistics: [Statistic] { instance.statistics }
  var meetsGoal: Bool { instance.answers["meets_goal"] ?? false }

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    instance = try WorkerInstance(plugin, worker, options: options, services: services)
  }

  func allocate(
    model: ModelSummary, budget: BudgetRequest, layers: [LayerRequest], scoresCompare: Bool
  ) throws(PluginError) -> [[Share]] {
    try instance.call(.allocate, "allocate", model: model) {
      (packet: inout PacketWriter) throws(WriteError) in
      budget.put(to: &packet)
      packet.put(scoresCompare)
      packet.put(layers.count)
      for layer in layers { try layer.put(to: &packet, needed: statistics) }
    } read: { (packet: inout PacketReader) throws(ReadError) in
      var answer: [[Share]] = []
      for layer in layers {
        var row: [Share] = []
        for _ in layer.families { row.append(Share(sparsity: try packet.double(), keep: try packet.int())) }
        answer.append(row)
      }
      return answer
    }
  }
}

final class WorkerCompensator: CompensatorCalls {
  private let instance: WorkerInstance
  var statistics: [Statistic] { instance.statistics }
  var followsCut: Bool { instance.answers["follows_cut"] ?? false }
  var addsBias: Bool { instance.answers["adds_bias"] ?? false }

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    instance = try WorkerInstance(plugin, worker, options: options, services: services)
  }

  func compensate(
    model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection {
    try instance.call(.compensate, "compensate", model: model) {
      (packet: inout PacketWriter) throws(WriteError) in
      try projection.put(to: &packet, needed: statistics)
    } read: { (packet: inout PacketReader) throws(ReadError) in
      CompensatedProjection(
        weight: try packet.array(of: Float.self),
        bias: try packet.bool() ? try packet.array(of: Float.self) : nil)
    }
  }
}

final class WorkerTransform: TransformCalls {
  private let instance: WorkerInstance
  var statistics: [Statistic] { instance.statistics }
  var fixesWidths: Bool { instance.answers["fixes_widths"] ?? false }
  var centersEmbeddings: Bool { instance.answers["centers_embeddings"] ?? false }
  var normalisesTokens: Bool { instance.answers["normalises_tokens"] ?? false }

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    instance = try WorkerInstance(plugin, worker, options: options, services: services)
  }

  func widths(model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int] {
    try instance.call(.widths, "widths", model: model) {
      (packet: inout PacketWriter) throws(WriteError) in
      try residual.put(to: &packet, needed: statistics)
    } read: { (packet: inout PacketReader) throws(ReadError) in
      try packet.array(of: Int.self)
    }
  }

  func orient(model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double] {
    try instance.call(.orient, "orient", model: model) {
      (packet: inout PacketWriter) throws(WriteError) in
      try place.put(to: &packet, needed: statistics)
    } read: { (packet: inout PacketReader) throws(ReadError) in
      let basis = try packet.array(of: Double.self)
      guard basis.count == place.gram.count else { throw ReadError() }
      return basis
    }
  }
}

final class WorkerEvaluator: EvaluatorCalls {
  private let instance: WorkerInstance

  init(
    _ plugin: LoadedPlugin, _ worker: PluginWorker, options: JSONValue, services: HostServices
  ) throws(PluginError) {
    instance = try WorkerInstance(plugin, worker, options: options, services: services)
  }

  func evaluate(model: ModelSummary) throws(PluginError) -> EvaluationResult {
    try instance.call(.evaluate, "evaluate", model: model) { _ in
    } read: { (packet: inout PacketReader) throws(ReadError) in
      try EvaluationResult(from: &packet)
    }
  }
}
