import Files
import Foundation
import JSON
import RunRecords
import TensorBoard
import Tensors
import Transformer
import Wording

/// One round of a train stage.
struct Training {
  let session: RunSession
  let stage: TrainStage
  let context: StageContext
  let rows: TrainingRows

  private var label: String { context.label }
  private var reporter: any ProgressReporter { context.reporter }
  private var folder: RunFolder { session.folder }
  private var execution: StageExecution { session.execution }
  private var total: Int { stage.steps(in: execution.round) }

  /// Trains to the round's end, and writes the model. The trainer's memory is free when this returns.
  /// - Parameters:
  ///   - progress: the progress of earlier rounds.
  ///   - checkpoint: the last checkpoint of this round, if it was interrupted.
  func run(
    _ progress: RunState.TrainingProgress, from checkpoint: RunState.TrainingCheckpoint?
  ) throws -> (place: RunState.ModelPlace, after: RunState.TrainingProgress) {
    let trainer = try makeTrainer()
    if let checkpoint {
      try trainer.restoreState(
        from: folder.path + "/" + checkpoint.file.name, optimizerSteps: checkpoint.optimizerSteps)
    } else if let moments = progress.moments {
      try trainer.adoptMoments(
        from: folder.path + "/" + moments.name, optimizerSteps: progress.optimizerSteps)
    }
    try train(trainer, after: progress.steps, from: checkpoint?.step ?? 0)
    let isLast = execution.round.time == execution.round.times - 1
    let written = try session.keeper.write(
      trainer, of: session.model, number: session.number, moments: stage.canCarryMoments && !isLast)
    let after = RunState.TrainingProgress {
      $0.steps = progress.steps + total
      $0.data = rows.state
      $0.moments = written.moments
      $0.optimizerSteps = written.moments == nil ? 0 : trainer.optimizerSteps
    }
    return (written.place, after)
  }

  /// - Parameters:
  ///   - earlier: the steps of earlier rounds.
  ///   - first: the first step of this round that is left, from 0.
  private func train(_ trainer: Trainer, after earlier: Int, from first: Int) throws {
    reporter.note(
      "\(label): \(HumanFormat.count(trainer.trainableParameters)) parameters change, in \(total) steps of "
        + "\(HumanFormat.count(stage.batchSize * stage.accumulation * stage.length)) tokens")
    try session.events.log(.trainingStarted) {
      $0.stage = label
      $0.parameters = trainer.trainableParameters
      $0.steps = total
    }
    reporter.begin(ProgressTask(title: label, total: total, unit: "steps"))
    defer { reporter.end() }
    let board = try boardWriter(firstStep: earlier + first + 1)
    var recent = TrainingLoss()
    for step in first..<total {
      if context.cancellation.isCancelled {
        try writeCheckpoint(trainer, step: step)
        throw Interrupted()
      }
      let clock = ContinuousClock.now
      let position = earlier + step
      let rate = stage.optimizer.learningRate * stage.schedule.factor(step: position, total: stage.steps)
      let batches = try (0..<stage.accumulation).map { _ in
        try (0..<stage.batchSize).flatMap { _ in try rows.next() }
      }
      let result = try trainer.step(batches, learningRate: rate)
      let seconds = (ContinuousClock.now - clock) / .seconds(1)
      try log(result, step: position + 1, rate: rate, seconds: seconds, board)
      recent += result.loss
      reporter.advance(to: step + 1)
      // About ten times a stage.
      let isTold = (step + 1).isMultiple(of: max(1, total / 10)) || step + 1 == total
      if isTold, recent.targets > 0 {
        reporter.note("\(label), step \(step + 1) of \(total): \(words(recent, rate: rate))")
        recent = TrainingLoss()
      }
      let isDue = stage.checkpointSteps > 0 && (step + 1).isMultiple(of: stage.checkpointSteps)
      if isDue, step + 1 < total { try writeCheckpoint(trainer, step: step + 1) }
    }
    if rows.skipped > 0 {
      reporter.note("\(label): \(HumanFormat.count(rows.skipped)) broken documents were left out so far")
    }
  }

  private func words(_ loss: TrainingLoss, rate: Double) -> String {
    let targets = Double(loss.targets)
    let mean = HumanFormat.fixed(loss.crossEntropy / targets, 4)
    let divergence =
      loss.divergence > 0 ? ", divergence \(HumanFormat.fixed(loss.divergence / targets, 4))" : ""
    return "loss \(mean)\(divergence), learning rate \(HumanFormat.scientific(rate))"
  }

  private func makeTrainer() throws -> Trainer {
    var teacher: (decoder: Decoder, options: DistillationOptions)?
    var scope = TrainingScope.full
    switch stage.recovery {
    case .full: break
    case .normsAndBiases: scope = .normsAndBiases
    case .lowRank(let rank, let alpha, let targets):
      scope = .lowRank(
        LowRankOptions(
          rank: rank, alpha: alpha, targets: targets, seed: context.seed &+ UInt64(execution.round.time)))
    case .distill(let options): teacher = (try context.model.dense(), options)
    }
    try stage.requireAddressable(label: label)
    let rows = stage.batchSize * stage.length
    return try Trainer(
      context.model.decoder, scope, optimizer: stage.optimizer.adamW,
      maxGradientNorm: stage.optimizer.maxGradientNorm, teacher: teacher,
      room: TrainingRoom(tokens: rows, longest: stage.length, activationLimit: stage.activationBytes),
      workers: context.workers)
  }

  private func writeCheckpoint(_ trainer: Trainer, step: Int) throws {
    let name = "\(RunLayout.stateFolder)/\(label)-\(step).safetensors"
    let path = try folder.place(name)
    try trainer.writeState(to: path)
    let checkpoint = try RunState.TrainingCheckpoint {
      $0.step = step
      $0.file = RunState.StoredFile(name: name, sha256: try FileHash.sha256(path))
      $0.optimizerSteps = trainer.optimizerSteps
      $0.data = rows.state
    }
    try session.keeper.update { state in
      // After an interruption the same step may come again.
      state.checkpoints.removeAll { $0.step >= step }
      state.checkpoints = (state.checkpoints + [checkpoint]).suffix(stage.keptCheckpoints)
    }
    try session.events.log(.checkpoint) {
      $0.step = TrainingStepRecord {
        $0.stage = label
        $0.number = step
      }
    }
  }

  /// Makes the writer of TensorBoard's events, which removes the steps of an earlier process from `firstStep` on. The
  /// removal knows no tags, so that each stage needs a folder of its own. TensorBoard shows it as a run.
  private func boardWriter(firstStep: Int) throws -> EventFileWriter? {
    guard stage.writesTensorBoard else { return nil }
    let name = "\(RunLayout.tensorBoard)/\(execution.stage)"
    let isNew = !FileManager.default.fileExists(atPath: folder.path + "/" + name)
    _ = try folder.place(name + "/events")
    return try EventFileWriter(
      directory: folder.path + "/" + name, wallTime: Date().timeIntervalSince1970,
      resumingAt: isNew ? nil : Int64(firstStep))
  }

  private func log(
    _ step: TrainingStep, step number: Int, rate: Double, seconds: Double, _ board: EventFileWriter?
  ) throws {
    let targets = Double(max(1, step.loss.targets))
    var record = TrainingStepRecord.blank
    record.stage = label
    record.number = number
    record.loss = step.loss.crossEntropy / targets
    record.learningRate = rate
    record.gradientNorm = step.gradientNorm
    record.tokens = step.loss.tokens
    record.targets = step.loss.targets
    record.tokensPerSecond = (Double(step.loss.tokens) / max(seconds, 1e-9) * 10).rounded() / 10
    if case .distill(let options) = stage.recovery {
      record.divergence = step.loss.divergence / targets
      if options.hiddenWeight > 0 { record.hiddenDifference = step.loss.hiddenDifference }
    }
    try session.events.log(.step) { $0.step = record }
    guard let board else { return }
    let curves = [
      ("loss", record.loss), ("learning_rate", record.learningRate), ("gradient_norm", record.gradientNorm),
      ("tokens_per_second", record.tokensPerSecond), ("divergence", record.divergence),
    ]
    for case (let tag, let value?) in curves {
      try board.scalar(tag, value, step: Int64(number), wallTime: Date().timeIntervalSince1970)
    }
    try board.flush()
  }
}

extension RunSession {
  /// Trains for one round, from its last checkpoint if there is one. The run goes on with the model that it writes.
  func execute(_ stage: TrainStage, in context: StageContext) throws {
    let name = execution.stage
    let progress = keeper.state.training[name] ?? .blank
    let checkpoint = keeper.state.checkpoints.last
    let rows = try stage.rows(
      of: model, label: context.label, seed: context.seed, resuming: checkpoint?.data ?? progress.data)
    let training = Training(session: self, stage: stage, context: context, rows: rows)
    let (place, after) = try training.run(progress, from: checkpoint)
    Buffer.returnFreeMemory()
    try keeper.open(place, in: model)
    atStageEnd { state in
      state.model = place
      state.training[name] = after
    }
  }
}

/// Why a train stage can't do what it is asked.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  case batchTooLarge(stage: String, rows: Int, length: Int)
  case endOfData(stage: String)
  case nothingToPredict(stage: String, rows: Int)
  case noEndOfSequence(stage: String)
  case noChatTemplate(stage: String, model: String)

  public var description: String {
    switch self {
    case .batchTooLarge(let stage, let rows, let length):
      "stage \(stage): a micro-batch of \(rows) rows of \(length) tokens is more than can be addressed; lower batch_size and "
        + "raise gradient_accumulation_steps"
    case .nothingToPredict(let stage, let rows):
      "stage \(stage): \(rows) rows in succession have nothing to predict; prompts are longer than \"length\", so raise it, or "
        + "set \"completions_only\" to false"
    case .endOfData(let stage): "stage \(stage): the data came to their end"
    case .noEndOfSequence(let stage):
      "stage \(stage): the tokenizer names no end-of-sequence token, so documents can't be told apart in a row; "
        + "give token ids instead (\"format\": \"tokens\")"
    case .noChatTemplate(let stage, let model):
      "stage \(stage): \(model) has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json); "
        + "use \"format\": \"instruction\" or \"jsonl\""
    }
  }
}
