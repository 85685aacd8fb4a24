import Checkpoints
import Foundation
import JSON
import PluginRuntime
import Tensors
import Transformer
import Wording

/// A run's life: stage after stage on one model, with everything recorded in the run folder.
///
/// Each kind of stage has an `execute` of its own beside what it does, in an extension.
package final class RunSession {
  let manifest: Manifest
  let folder: RunFolder
  let events: EventLog
  let keeper: RunKeeper
  /// What other runs on the same model have done, in a comparison.
  let shared: SharedWork?
  /// What an earlier process left, if that began this run.
  private let resumed: ResumedRun?
  let context: StageContext
  private let executions: [StageExecution]
  private(set) var evaluations: [EvaluationRecord]

  // The stage under way.

  /// From 1.
  private(set) var number = 0
  var execution: StageExecution { executions[number - 1] }
  /// Whether the model is as it came: the stages before the first that changes it see it as every other run on it does.
  var isUnpruned: Bool { executions[..<(number - 1)].allSatisfy(\.work.leavesModel) }
  private var changes: [(inout RunState) -> Void] = []

  var model: LoadedModel { context.model }
  var isResumed: Bool { resumed != nil }

  /// - Parameter shardBytes: of the models in `state/`.
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
    if resumed == nil { try folder.write(manifest) }
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
      // A log that can't be written shows at the next event of the run itself.
      try? events.log(
        "plugin", ["plugin": .string(plugin), "level": .string("\(level)"), "sentence": .string(sentence)])
    }
    self.context = own
  }

  /// Runs all stages. Whatever ends the run, the run's record says how.
  func run() throws -> RunSummary {
    let clock = ContinuousClock.now
    var record = try runRecord()
    if let resumed {
      try keeper.open(keeper.state.model, in: model)
      keeper.removeLeftovers()
      try events.log("run_resumed", ["executions_done": .integer(keeper.state.executionsDone)])
      for plugin in resumed.replaced {
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
      for index in executions.indices where index >= keeper.state.executionsDone {
        try context.cancellation.check()
        number = index + 1
        try carryOut(executions[index])
        try keeper.update { state in
          for change in changes { change(&state) }
          state.executionsDone = number
          state.checkpoints = []
          state.model.selected = model.decoder.selected
        }
        changes = []
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
        context.reporter.note("\(error); the run has finished, and nothing needs it")
      }
      return summary
    } catch {
      record.state =
        context.cancellation.isBehind(error)
        ? .interrupted(Date()) : .failed(Date(), reason: "\(error)")
      // The error that ended the run matters more than one about recording it.
      try? folder.write(record)
      try? events.log("run_failed", ["reason": .string("\(error)")])
      writeReport()
      throw context.cancellation.isCancelled ? Interrupted() : error
    }
  }

  private func carryOut(_ execution: StageExecution) throws {
    let clock = ContinuousClock.now
    try events.log("stage_started", ["stage": .string(execution.label)])
    let context = context.labelled(execution.label)
    try execution.work.execute(in: self, context)
    try events.log(
      "stage_finished",
      [
        "stage": .string(execution.label), "took": .number((ContinuousClock.now - clock) / .seconds(1)),
        "parameters": .integer(model.decoder.parameters),
      ])
  }

  // MARK: - What stages tell

  /// What the stage changes in the run's state beside the model: recorded together with its end, since in between the
  /// stage would be taken for not yet begun.
  func atStageEnd(_ change: @escaping (inout RunState) -> Void) { changes.append(change) }

  func tellIteration(_ number: Int, seconds: Double, title: String) throws {
    let parameters = model.decoder.parameters
    try events.log(
      "iteration",
      [
        "stage": .string(execution.label), "number": .integer(number), "parameters": .integer(parameters),
        "macs_per_token": .integer(model.decoder.multiplyAccumulates), "took": .number(seconds),
      ])
    context.reporter.note(
      "\(title): \(HumanFormat.count(parameters)) parameters, "
        + HumanFormat.fixed(100 * Double(parameters) / Double(model.originalParameters), 2) + "% "
        + "(\(HumanFormat.duration(seconds: seconds)))")
  }

  func record(_ evaluation: EvaluationRecord) throws {
    evaluations.append(evaluation)
    try folder.write(evaluations)
    for metric in evaluation.metrics {
      var fields: JSONObject = [
        "stage": .string(execution.label), "name": .string(metric.name), "value": .number(metric.value),
      ]
      if metric.value.isInfinite { fields["infinite"] = true }
      try events.log("metric", fields)
      let value =
        metric.value.isFinite ? HumanFormat.fixed(metric.value, 4) : HumanFormat.measured(metric.value)
      context.reporter.note("\(execution.label): \(metric.name) = \(value)")
    }
  }

  enum SparedWork: String { case evaluation, calibration }

  func tellSpared(_ work: SparedWork, of what: String, seconds: Double) throws {
    try events.log(
      "spared",
      [
        "stage": .string(execution.label), "work": .string(work.rawValue), "what": .string(what),
        "took": .number(seconds),
      ])
  }
}
