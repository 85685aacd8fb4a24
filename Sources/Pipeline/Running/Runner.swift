import Checkpoints
import Files
import Foundation
import JSON
import PluginRuntime
import Tensors
import Tokenizers
import Transformer
import Wording

/// Carries out a pipeline: stage after stage on one model, with everything recorded in the run folder.
public final class Runner {
  public struct Settings {
    public var seed: UInt64
    public var workers: Workers
    public var reporter: any ProgressReporter
    public var cancellation: Cancellation
    /// What other runs on the same model have done, in a comparison.
    var shared: SharedWork?
    /// Of the models in `state/`.
    var shardBytes = ModelWriter.standardShardBytes

    public init(
      seed: UInt64, workers: Workers, reporter: any ProgressReporter = SilentProgress(),
      cancellation: Cancellation = Cancellation()
    ) {
      self.seed = seed
      self.workers = workers
      self.reporter = reporter
      self.cancellation = cancellation
    }
  }

  let manifest: Manifest
  let registry: PluginRegistry
  let model: LoadedModel
  let folder: RunFolder
  let events: EventLog
  package let settings: Settings
  let keeper: RunKeeper
  /// Whether an earlier process began this run.
  let isResumed: Bool
  private let replaced: [PluginLock.Difference]
  /// Whether the model is as it came.
  private var isUnpruned = true
  private(set) var evaluations: [EvaluationRecord] = []

  /// - Parameter resuming: where an earlier process left the run, and what it had measured.
  init(
    _ manifest: Manifest, registry: PluginRegistry, model: LoadedModel, folder: RunFolder, settings: Settings,
    resuming: ResumedRun? = nil
  ) throws {
    self.manifest = manifest
    self.registry = registry
    self.model = model
    self.folder = folder
    self.settings = settings
    isResumed = resuming != nil
    replaced = resuming?.replaced ?? []
    evaluations = resuming?.evaluations ?? []
    if resuming == nil { try folder.write(manifest) }
    keeper = RunKeeper(
      try resuming?.state
        ?? RunState(
          manifest: FileHash.sha256(folder.path + "/" + RunLayout.manifest),
          model: RunState.ModelPlace(selected: model.decoder.selected)), folder: folder,
      shardBytes: settings.shardBytes)
    events = try folder.openEventLog()
  }

  /// Runs all stages. Whatever ends the run, the run's record says how.
  public func run() throws -> RunSummary {
    let clock = ContinuousClock.now
    var record = try runRecord()
    if isResumed {
      try keeper.openModel(model)
      keeper.removeLeftovers()
      try events.log("run_resumed", ["executions_done": .integer(keeper.state.executionsDone)])
      for plugin in replaced {
        try events.log(
          "plugin_replaced",
          [
            "plugin": .string(plugin.id), "recorded": plugin.recorded.map { .string($0) } ?? .null,
            "found": .string(plugin.found),
          ])
      }
    } else {
      try events.log(
        "run_started",
        [
          "pipeline": .string(manifest.name), "model": .string(model.path),
          "parameters": .integer(model.originalParameters),
          "macs_per_token": .integer(model.originalMultiplyAccumulates),
          "weight_bytes": .integer(model.sourceWeights.bytes),
          "weight_type": .string(model.sourceWeights.type.rawValue),
        ])
    }
    try folder.write(record)
    // From here on the run can be resumed.
    if !isResumed { try keeper.update { _ in } }
    do {
      for (index, execution) in manifest.executions.enumerated() where index >= keeper.state.executionsDone {
        try settings.cancellation.check()
        // The stages before the first that changes the model see it as every other run on it does.
        isUnpruned = manifest.executions[..<index].allSatisfy(\.work.leavesModel)
        let change = try carryOut(execution, number: index + 1)
        try keeper.update {
          change(&$0)
          $0.executionsDone = index + 1
          $0.checkpoints = []
          $0.model.selected = model.decoder.selected
        }
      }
      record.state = .finished(Date())
      try folder.write(record)
      let summary = summary(since: clock)
      try events.log(
        "run_finished",
        [
          "parameters": .integer(summary.final.parameters), "macs_per_token": .integer(summary.final.macs),
          "peak_memory_bytes": .integer(summary.peakMemoryBytes),
        ])
      writeReport()
      // Last of all: whatever stops the run before this, resume ends it.
      if let error = try keeper.removeAll() {
        settings.reporter.note("\(error); the run has finished, and nothing needs it")
      }
      return summary
    } catch {
      record.state =
        error is Interrupted || settings.cancellation.isCancelled
        ? .interrupted(Date()) : .failed(Date(), reason: "\(error)")
      // The error that ended the run matters more than one about recording it.
      try? folder.write(record)
      try? events.log("run_failed", ["reason": .string("\(error)")])
      writeReport()
      throw settings.cancellation.isCancelled ? Interrupted() : error
    }
  }

  /// What a stage changes in the run's state beside the model: recorded together with its end, since in between the
  /// stage would be taken for not yet begun.
  package typealias StateChange = (inout RunState) -> Void

  private func carryOut(_ execution: StageExecution, number: Int) throws -> StateChange {
    let clock = ContinuousClock.now
    try events.log("stage_started", ["stage": .string(execution.label)])
    let change = try execution.work.execute(execution, number: number, in: self)
    try events.log(
      "stage_finished",
      [
        "stage": .string(execution.label), "took": .number((ContinuousClock.now - clock) / .seconds(1)),
        "parameters": .integer(model.decoder.parameters),
      ])
    return change
  }

  // MARK: - Stages

  func prune(_ stage: PruneStage, _ execution: StageExecution, number: Int) throws -> StateChange {
    let label = execution.label
    var sequences: [[Int32]] = []
    if let sample = stage.calibration.sample { sequences = try self.sequences(of: sample) }
    var pruning = Pruning(
      stage: stage, label: label, model: model, sequences: sequences,
      criterion: try CriterionInstance(
        of: host.loaded(stage.criterion), options: .object(stage.criterion.options), services: host.services()
      ),
      allocator: try AllocatorInstance(
        of: host.loaded(stage.allocator), options: .object(stage.allocator.options), services: host.services()
      ),
      compensator: try stage.compensator.map {
        try CompensatorInstance(of: host.loaded($0), options: .object($0.options), services: host.services())
      },
      workers: settings.workers, reporter: settings.reporter, cancellation: settings.cancellation,
      seed: settings.seed, scratchFolder: folder.path)
    pruning.first = try firstScores(stage, label: label)
    var rewritten: RunState.ModelPlace?
    let before = keeper.state.iterations
    var done = 0
    try pruning.run { iteration, biases, forEachParameter in
      let place = try keeper.write(
        model, configure: { $0.biases.formUnion(biases) }, name: "model-\(number)-\(iteration)",
        forEachParameter: forEachParameter)
      try keeper.open(place, in: model)
      // The one before is not the state's, and nobody's any more.
      if let before = rewritten?.folder { keeper.discard(before) }
      rewritten = place
    } record: { iteration in
      let number = before + iteration.number
      let record = IterationRecord(
        number: number, stage: label, iteration: iteration.number, layers: iteration.layers,
        parameters: model.decoder.parameters, macs: model.decoder.multiplyAccumulates,
        scoresCompare: iteration.scoresCompare, miniBatches: stage.calibration.miniBatches)
      try folder.write(record)
      if stage.recordsScores { try writeScores(iteration.scores, number: number) }
      try tellIteration(
        label, number: number, parameters: record.parameters, macs: record.macs, seconds: iteration.seconds,
        title: "\(label), iteration \(iteration.number)")
      done = iteration.number
    }
    return { state in
      state.iterations = before + done
      if let rewritten { state.model = rewritten }
    }
  }

  func tellIteration(
    _ stage: String, number: Int, parameters: Int, macs: Int, seconds: Double, title: String
  ) throws {
    try events.log(
      "iteration",
      [
        "stage": .string(stage), "number": .integer(number), "parameters": .integer(parameters),
        "macs_per_token": .integer(macs), "took": .number(seconds),
      ])
    settings.reporter.note(
      "\(title): \(HumanFormat.count(parameters)) parameters, "
        + HumanFormat.fixed(100 * Double(parameters) / Double(model.originalParameters), 2) + "% "
        + "(\(HumanFormat.duration(seconds: seconds)))")
  }

  func train(_ stage: TrainStage, _ execution: StageExecution, number: Int) throws -> StateChange {
    let progress = keeper.state.training[execution.stage] ?? RunState.TrainingProgress()
    let checkpoint = keeper.state.checkpoints.last
    let training = Training(
      stage: stage, label: execution.label, stageName: execution.stage, time: execution.time,
      times: execution.times,
      seed: settings.seed, model: model,
      rows: try stage.rows(
        of: model, label: execution.label, seed: settings.seed, resuming: checkpoint?.data ?? progress.data),
      folder: folder, events: events,
      reporter: settings.reporter, cancellation: settings.cancellation, workers: settings.workers)
    let isLast = execution.time == execution.times - 1
    let (place, after) = try training.run(progress, from: checkpoint) { checkpoint in
      try keeper.update { state in
        // After an interruption the same step may come again.
        state.checkpoints.removeAll { $0.step >= checkpoint.step }
        state.checkpoints = (state.checkpoints + [checkpoint]).suffix(stage.keptCheckpoints)
      }
      try events.log("checkpoint", ["stage": .string(execution.label), "step": .integer(checkpoint.step)])
    } finish: { trainer, outcome in
      let written = try keeper.write(
        trainer, of: model, number: number, moments: stage.canCarryMoments && !isLast)
      return (
        written.place,
        RunState.TrainingProgress(
          steps: progress.steps + outcome.steps, data: outcome.data, moments: written.moments,
          optimizerSteps: written.moments == nil ? 0 : outcome.optimizerSteps)
      )
    }
    Buffer.returnFreeMemory()
    let checkpointFolder = folder.path + "/" + (place.folder ?? "")
    model.replace(with: try Decoder(Checkpoint.open(checkpointFolder), origin: place.origin))
    return { state in
      state.model = place
      state.training[execution.stage] = after
    }
  }

  private func writeScores(_ scores: [[Family: [Float]]], number: Int) throws {
    let file = try folder.place(RunLayout.scores(number))
    try SafetensorsWriter.write(
      .init(
        uniqueKeysWithValues: scores.enumerated().flatMap { layer, families in
          Family.allCases.compactMap { family in
            families[family].map { ("layers.\(layer).\(family.rawValue)", (shape: [$0.count], values: $0)) }
          }
        }), to: file)
  }

  func evaluate(_ stage: EvaluateStage, label: String) throws -> StateChange {
    for use in stage.evaluators {
      let record = try evaluated(use, label: label)
      evaluations.append(record)
      try folder.write(evaluations)
      for metric in record.metrics {
        var fields: JSONObject = [
          "stage": .string(label), "name": .string(metric.name), "value": .number(metric.value),
        ]
        if metric.value.isInfinite { fields["infinite"] = true }
        try events.log("metric", fields)
        let value =
          metric.value.isFinite ? HumanFormat.fixed(metric.value, 4) : HumanFormat.measured(metric.value)
        settings.reporter.note("\(label): \(metric.name) = \(value)")
      }
    }
    let count = evaluations.count
    return { $0.evaluations = count }
  }

  /// Measures the model, unless it is as it came and another run has measured that already.
  private func evaluated(_ use: PluginUse, label: String) throws -> EvaluationRecord {
    let evaluation = Evaluation(
      use: use, label: label, model: model, workers: settings.workers, reporter: settings.reporter,
      cancellation: settings.cancellation)
    let plugin = try host.loaded(use)
    guard isUnpruned, let shared = settings.shared else {
      return try evaluation.run(plugin: plugin, services: host.services())
    }
    let key = try shared.key(of: use, plugin: plugin)
    if let record = shared.evaluation(key, seed: settings.seed, stage: label) {
      try tellSpared(.evaluation, of: use.id, stage: label, seconds: record.seconds)
      return record
    }
    let dependsOnSeed = Flag()
    let record = try evaluation.run(
      plugin: plugin, services: host.services(drewRandomNumbers: { dependsOnSeed.raise() }))
    try shared.keep(record, key, seed: dependsOnSeed.isRaised ? settings.seed : nil)
    return record
  }

  /// What the stage would gather of the model as it came, if another run has gathered it.
  private func firstScores(_ stage: PruneStage, label: String) throws -> ScoredModel? {
    guard isUnpruned, let shared = settings.shared,
      let job = try SharedCalibration.Job(stage, host: host, shared: shared),
      let (model, seconds) = shared.scores(job.key, seed: settings.seed)
    else { return nil }
    try tellSpared(.calibration, of: stage.criterion.id, stage: label, seconds: seconds)
    return model
  }

  private enum SparedWork: String { case evaluation, calibration }

  private func tellSpared(_ work: SparedWork, of what: String, stage: String, seconds: Double) throws {
    try events.log(
      "spared",
      [
        "stage": .string(stage), "work": .string(work.rawValue), "what": .string(what),
        "took": .number(seconds),
      ])
  }

  // MARK: - What stages share

  func sequences(of sample: CalibrationSample) throws -> [[Int32]] {
    try sample.sequences(from: model.corpus(of: sample.data))
  }

  /// The run as plugins see it.
  var host: PluginHost {
    let events = events
    return PluginHost(
      registry: registry, seed: settings.seed, workers: settings.workers, reporter: settings.reporter,
      cancellation: settings.cancellation
    ) { plugin, level, sentence in
      // A log that can't be written shows at the next event of the run itself.
      try? events.log(
        "plugin", ["plugin": .string(plugin), "level": .string("\(level)"), "sentence": .string(sentence)])
    }
  }
}

extension Workers {
  /// A product that a plugin asked for.
  func multiply(_ product: HostServices.MatrixProduct) {
    multiply(
      Rows(UnsafeMutablePointer(mutating: product.a), stride: product.lda),
      product.transposeA ? .transposed : .plain,
      Rows(UnsafeMutablePointer(mutating: product.b), stride: product.ldb),
      product.transposeB ? .transposed : .plain, into: Rows(product.c, stride: product.ldc), m: product.m,
      n: product.n, k: product.k, alpha: product.alpha, beta: product.beta)
  }
}
