import JSON
import PluginRuntime
import TrainingData
import Transformer
import Wording

/// Trains the model on text.
public struct TrainStage: Sendable, Equatable {
  public internal(set) var data: [TrainingInput]
  public internal(set) var recovery: Recovery
  /// Optimizer steps, of all rounds of a repeat together.
  public internal(set) var steps: Int
  /// How the steps are shared among the rounds of a repeat.
  public internal(set) var share: RoundShares
  /// Tokens of a row.
  public internal(set) var length: Int
  /// Rows of a micro-batch.
  public internal(set) var batchSize: Int
  /// Micro-batches of a step.
  public internal(set) var accumulation: Int
  /// Whether documents share rows.
  public internal(set) var packs: Bool
  public internal(set) var optimizer: OptimizerSettings
  public internal(set) var schedule: Schedule
  /// Bytes of activations kept for the backward pass; the rest is recomputed.
  public internal(set) var activationBytes: Int
  /// Steps between two checkpoints; 0 for none.
  public internal(set) var checkpointSteps: Int
  /// How many checkpoints are kept, the newest.
  public internal(set) var keptCheckpoints: Int
  /// Whether TensorBoard's event files are written beside the run's own log.
  public internal(set) var writesTensorBoard: Bool

  public init(
    data: [TrainingInput] = [], recovery: Recovery = .full, steps: Int = 1, share: RoundShares = .constant,
    length: Int = 512, batchSize: Int = 8, accumulation: Int = 1, packs: Bool = true,
    optimizer: OptimizerSettings = OptimizerSettings(), schedule: Schedule = Schedule(),
    activationBytes: Int = 1536 << 20, checkpointSteps: Int = 100, keptCheckpoints: Int = 2,
    writesTensorBoard: Bool = false
  ) {
    self.data = data
    self.recovery = recovery
    self.steps = steps
    self.share = share
    self.length = length
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.packs = packs
    self.optimizer = optimizer
    self.schedule = schedule
    self.activationBytes = activationBytes
    self.checkpointSteps = checkpointSteps
    self.keptCheckpoints = keptCheckpoints
    self.writesTensorBoard = writesTensorBoard
  }

  /// Steps of one round, from 0.
  package func steps(round: Int, of rounds: Int) -> Int {
    let shares = share.shares(of: steps, rounds: rounds)
    return shares.indices.contains(round) ? shares[round] : 0
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
          "data", \.data, "What it is trained on: a file, or a list of files that are mixed."
        )
        .see("Data to train on"),
        Recovery.field("recovery", \.recovery).see("What is trained"),
        .integer("steps", \.steps, 1...100_000_000, "Optimizer steps. In a repeat: of all rounds together.")
          .required("optimizer steps, an integer of at least 1"),
        .choice(
          "share", \.share,
          """
          In a repeat, how the steps are dealt out to the rounds: linear gives each later round more, as the published \
          scripts do; cosine likewise, along 1 - cos; constant gives all the same.
          """
        ).see("Rounds"),
        .integer("length", \.length, 2...1_000_000, "Tokens a row."),
        .integer(
          "batch_size", \.batchSize, 1...100_000,
          """
          Rows that go through the model together. Memory grows with it. With the same product of batch_size and \
          gradient_accumulation_steps the steps are the same but for rounding.
          """),
        .integer(
          "gradient_accumulation_steps", \.accumulation, 1...100_000,
          "How many batches make one optimizer step. The loss is the mean over the targets of all of them."),
        .flag(
          "packing", \.packs,
          """
          Whether documents share rows, so that each row has exactly \"length\" tokens; attention doesn't cross their \
          ends. Otherwise a row is one document, cut to \"length\".
          """),
        .object(
          "optimizer", \.optimizer, OptimizerSettings.fields, as: "optimizer",
          "AdamW, with the meaning that torch.optim.AdamW gives its constants."),
        Schedule.field("schedule", \.schedule),
        .integer(
          "activation_megabytes", \.activationBytes, 0...10_000_000, unit: 1 << 20,
          """
          Memory for what is kept of the forward pass for the backward pass; layers that don't fit are computed again. \
          Changes time and memory, not the result.
          """
        ).see("Memory"),
        .integer(
          "checkpoint_steps", \.checkpointSteps, 0...100_000_000,
          "Steps between two checkpoints, from which `adapt-pruner resume` goes on; 0: none within the stage."
        ).see("Stopping and resuming"),
        .integer(
          "keep_checkpoints", \.keptCheckpoints, 1...1000,
          """
          How many of them are kept, the newest. Where one is damaged, `resume` goes on from the one before.
          """),
        .flag(
          "tensorboard", \.writesTensorBoard,
          """
          Whether loss, rate and the like are also written for TensorBoard, into the folder tensorboard of the run.
          """),
      ])
  }

  package func words(round: Int, of rounds: Int) -> [String] {
    [
      "trains \(recovery.words) for \(HumanFormat.grouped(steps(round: round, of: rounds))) steps of "
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
    if execution.time == 0 {
      findings.attempt(execution) { try requireAddressable(label: execution.label) }
      findings.attempt(execution) { try checkData(check.model, label: execution.label) }
    }
    let steps = steps(round: execution.time, of: execution.times)
    findings.need(findings.counting.training(self, steps: steps), execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
