import JSON
import PluginRuntime
import TrainingData
import Transformer
import Wording

/// Trains the model on text.
public struct TrainStage: Sendable, Equatable {
  public package(set) var data: [TrainingInput] = []
  public package(set) var recovery = Recovery.full
  /// Optimizer steps, of all rounds of a repeat together.
  public package(set) var steps = 1
  /// How the rounds of a repeat share the steps.
  public package(set) var share = RoundShares.constant
  /// Tokens of a row.
  public package(set) var length = 512
  /// Rows of a micro-batch.
  public package(set) var batchSize = 8
  /// Micro-batches of a step.
  public package(set) var accumulation = 1
  /// Whether documents share rows.
  public package(set) var packs = true
  public package(set) var optimizer = OptimizerSettings()
  public package(set) var schedule = Schedule()
  /// Bytes of activations that are kept for the backward pass. The rest is recomputed.
  public package(set) var activationBytes = 1536 << 20
  /// Steps between two checkpoints; 0 for none.
  public package(set) var checkpointSteps = 100
  /// The number of checkpoints that are kept, the newest.
  public package(set) var keptCheckpoints = 2
  /// Whether TensorBoard's event files are written beside the run's own log.
  public package(set) var writesTensorBoard = false

  package init() {}

  /// The steps of one round.
  package func steps(in round: StageRound) -> Int {
    let shares = share.shares(of: steps, rounds: round.times)
    return shares.indices.contains(round.time) ? shares[round.time] : 0
  }
}

extension TrainStage: StageWork {
  package static let kind = "train"
  package static let does = "trains what is left"
  package static let title = "Train the model as it is now"
  package static let leavesModel = false

  package static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        TrainingInput.list(
          "data", \.data, "The data to train on: a file, or a list of files that are mixed."
        ).see("Data to train on"),
        Recovery.field("recovery", \.recovery).see("What is trained"),
        .integer("steps", \.steps, 1...100_000_000, "Optimizer steps. In a repeat: of all rounds together.")
          .required("optimizer steps, an integer of at least 1"),
        .choice(
          "share", \.share,
          """
          In a repeat: how the rounds share the steps. linear: each later round gets more, as in the published scripts. \
          cosine: likewise, along 1 - cos. constant: all get the same.
          """
        ).see("Rounds"),
        .integer("length", \.length, 2...1_000_000, "Tokens a row."),
        .integer(
          "batch_size", \.batchSize, 1...100_000,
          """
          Rows that go through the model together. Memory grows with it. Only rounding depends on how a step's rows are \
          divided between batch_size and gradient_accumulation_steps.
          """),
        .integer(
          "gradient_accumulation_steps", \.accumulation, 1...100_000,
          "Batches of one optimizer step. The loss is the mean over the targets of all of them."),
        .flag(
          "packing", \.packs,
          """
          Whether documents share rows, so that each row has exactly \"length\" tokens. Attention doesn't cross from one \
          document to another. Without packing a row is one document, cut to \"length\".
          """),
        .object(
          "optimizer", \.optimizer, OptimizerSettings.fields, schema: .reference("optimizer"),
          definitions: ["optimizer": .object(OptimizerSettings.fields.schema)],
          "AdamW. The constants mean the same as in torch.optim.AdamW."),
        Schedule.field("schedule", \.schedule),
        .integer(
          "activation_megabytes", \.activationBytes, 0...10_000_000, unit: 1 << 20,
          """
          Memory for the activations that the backward pass needs. Layers that don't fit are computed again. It changes \
          time and memory, not the result.
          """
        ).see("Memory"),
        .integer(
          "checkpoint_steps", \.checkpointSteps, 0...100_000_000,
          "Steps between two checkpoints, from which `adapt-pruner resume` goes on. 0: none within the stage."
        ).see("Stopping and resuming"),
        .integer(
          "keep_checkpoints", \.keptCheckpoints, 1...1000,
          """
          The number of checkpoints that are kept, the newest. If one is damaged, `resume` goes on from the one before.
          """),
        .flag(
          "tensorboard", \.writesTensorBoard,
          """
          Whether loss, rate and other curves are also written for TensorBoard, into the run's folder tensorboard.
          """),
      ])
  }

  package func words(in round: StageRound) -> [String] {
    [
      "trains \(recovery.words) for \(HumanFormat.grouped(steps(in: round))) steps of "
        + "\(batchSize * accumulation) × \(length) tokens",
      "reads " + data.map(\.path).joined(separator: ", "),
      "AdamW at \(HumanFormat.scientific(optimizer.learningRate)), schedule \(schedule.kind.rawValue) over "
        + "\(HumanFormat.grouped(steps)) steps",
    ]
  }

  package var memoryAdvice: String {
    if case .lowRank = recovery {
      return "lower \"batch_size\" (and raise \"gradient_accumulation_steps\"), \"length\" or \"rank\""
    }
    return
      "lower \"batch_size\" (and raise \"gradient_accumulation_steps\") or \"length\", or train adapters "
      + "(\"recovery\": \"lora\")"
  }

  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    if execution.round.time == 0 {
      findings.attempt(execution) { try requireAddressable(label: execution.label) }
      findings.attempt(execution) { try checkData(check.model, label: execution.label) }
    }
    let steps = steps(in: execution.round)
    findings.need(findings.counting.training(self, steps: steps), execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
