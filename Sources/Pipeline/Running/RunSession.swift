import Checkpoints
import Foundation
import JSON
import PluginRuntime
import RunRecords
import Tensors
import Transformer
import Wording

/// A run from start to end. It executes stages on one model and records everything in the run folder.
///
/// Each kind of stage adds its own `execute` in an extension.
package final class RunSession {
  let manifest: Manifest
  let folder: RunFolder
  let events: EventLog
  let keeper: RunKeeper
  /// The work that the runs of a comparison have in common.
  let shared: SharedWork?
  /// The earlier part of the run, if this process resumes it.
  private let resumed: ResumedRun?
  let context: StageContext
  private let executions: [StageExecution]
  private(set) var evaluations: [EvaluationRecord]

  /// The number of the current stage, from 1.
  private(set) var number = 0
  var execution: StageExecution { executions[number - 1] }
  /// Whether no stage has changed the model yet. Then other runs see the same model.
  var isUnpruned: Bool { executions[..<(number - 1)].allSatisfy(\.work.leavesModel) }
  private var changes: [(inout RunState) -> Void] = []

  var model: LoadedModel { context.model }
  var isResumed: Bool { resumed != nil }

  /// - Parameter shardBytes: the most bytes of a weights file in `state/`.
  init(
    _ manifest: Manifest, in folder: RunFolder, _ context: StageContext, sharing shared: SharedWork?,
    shardBytes: Int = ModelWriter.standardShardBytes, resuming resumed: ResumedRun? = nil
  ) throws {
    self.manifest = manifest
    self.folder = folder
    self.shared = shared
    executions = manifest.executions
    self.resumed = resumed
    evaluations = resumed?.evaluations ?? []
    if resumed == nil { try folder.write(manifest.json, to: RunLayout.manifest) }
    keeper = RunKeeper(
      try resumed?.state
        ?? RunState(
          manifest: FileHash.sha256(folder.path + "/" + RunLayout.manifest),
          model: RunState.ModelPlace(selected: context.model.decoder.selected)), folder: folder,
      shardBytes: shardBytes)
    let events = try folder.openEventLog()
    self.events = events
    var own = context
    own.scratchFolder = folder.path
    own.record = { plugin, level, sentence in
      // If the log can't be written, the run's next event reports it.
      try? events.log(.plugin) {
        $0.plugin = plugin
        $0.level = "\(level)"
        $0.sentence = sentence
      }
    }
    self.context = own
  }

  /// Runs all stages. The run's record tells how it ends.
  func run() throws -> RunSummary {
    let clock = ContinuousClock.now
    let started = Date()
    var record = try runRecord(started: started)
    if let resumed {
      try keeper.open(keeper.state.model, in: model)
      keeper.removeLeftovers()
      try events.log(.runResumed) { $0.executionsDone = keeper.state.executionsDone }
      for plugin in resumed.replaced {
        try events.log(.pluginReplaced) {
          $0.plugin = plugin.id
          $0.recorded = .some(plugin.recorded)
          $0.found = plugin.found
        }
      }
    } else {
      try events.log(.runStarted) {
        $0.pipeline = manifest.name
        $0.model = model.path
        $0.parameters = model.originalParameters
        $0.macs = model.originalMultiplyAccumulates
        $0.weights = model.sourceWeights
      }
    }
    try folder.write(record)
    // From here on the run can be resumed.
    if !isResumed { try keeper.update { _ in } }
    do {
      for index in executions.indices where index >= keeper.state.executionsDone {
        try context.cancellation.check()
        number = index + 1
        try carryOut(executions[index])
        try keeper.update { state in
          for change in changes { change(&state) }
          state.executionsDone = number
          state.checkpoints = []
          state.model.select(model.decoder.selected)
        }
        changes = []
      }
      record.end(.finished, since: started)
      try folder.write(record)
      let summary = summary(since: clock)
      try events.log(.runFinished) {
        $0.parameters = summary.final.parameters
        $0.macs = summary.final.macs
        $0.peakMemoryBytes = summary.peakMemoryBytes
      }
      writeReport()
      // This comes last. A run that stops earlier can be resumed.
      if let error = try keeper.removeAll() {
        context.reporter.note("\(error); the run has finished, and nothing needs it")
      }
      return summary
    } catch {
      let isInterrupted = context.cancellation.isBehind(error)
      record.end(
        isInterrupted ? .interrupted : .failed, since: started, reason: isInterrupted ? nil : "\(error)")
      // The error that ended the run matters more than an error in recording it.
      try? folder.write(record)
      try? events.log(.runFailed) { $0.reason = "\(error)" }
      writeReport()
      throw context.cancellation.isCancelled ? Interrupted() : error
    }
  }

  private func carryOut(_ execution: StageExecution) throws {
    let clock = ContinuousClock.now
    try events.log(.stageStarted) { $0.stage = execution.label }
    let context = context.labelled(execution.label)
    try execution.work.execute(in: self, context)
    try events.log(.stageFinished) {
      $0.stage = execution.label
      $0.took = (ContinuousClock.now - clock) / .seconds(1)
      $0.parameters = model.decoder.parameters
    }
  }

  // MARK: - Reports of stages

  /// Changes the run's state when the stage ends. An earlier change would be lost if the stage had to start again.
  func atStageEnd(_ change: @escaping (inout RunState) -> Void) { changes.append(change) }

  func tellIteration(_ number: Int, seconds: Double, title: String) throws {
    let parameters = model.decoder.parameters
    try events.log(.iteration) {
      $0.stage = execution.label
      $0.number = number
      $0.parameters = parameters
      $0.macs = model.decoder.multiplyAccumulates
      $0.took = seconds
    }
    context.reporter.note(
      "\(title): \(HumanFormat.count(parameters)) parameters, "
        + HumanFormat.fixed(100 * Double(parameters) / Double(model.originalParameters), 2) + "% "
        + "(\(HumanFormat.duration(seconds: seconds)))")
  }

  func record(_ evaluation: EvaluationRecord) throws {
    evaluations.append(evaluation)
    try folder.write(evaluations)
    for metric in evaluation.metrics {
      try events.log(.metric) {
        $0.stage = execution.label
        $0.name = metric.name
        $0.value = metric.value
      }
      let value =
        metric.value.isFinite ? HumanFormat.fixed(metric.value, 4) : HumanFormat.measured(metric.value)
      context.reporter.note("\(execution.label): \(metric.name) = \(value)")
    }
  }

  func tellSpared(_ work: RunEvent.Work, of what: String, seconds: Double) throws {
    try events.log(.spared) {
      $0.stage = execution.label
      $0.work = work
      $0.what = what
      $0.took = seconds
    }
  }
}
