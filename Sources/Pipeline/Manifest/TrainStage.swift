import ChatTemplates
import TrainingData
import Transformer

/// Trains the model on text.
public struct TrainStage: Sendable, Equatable {
  public let data: [TrainingInput]
  public let recovery: Recovery
  /// Optimizer steps, of all rounds of a repeat together.
  public let steps: Int
  /// How the steps are shared among the rounds of a repeat.
  public let share: RoundShares
  /// Tokens of a row.
  public let length: Int
  /// Rows of a micro-batch.
  public let batchSize: Int
  /// Micro-batches of a step.
  public let accumulation: Int
  /// Whether documents share rows.
  public let packs: Bool
  public let optimizer: OptimizerSettings
  public let schedule: Schedule
  /// Bytes of activations kept for the backward pass; the rest is recomputed.
  public let activationBytes: Int
  /// Steps between two checkpoints; 0 for none.
  public let checkpointSteps: Int
  /// How many checkpoints are kept, the newest.
  public let keptCheckpoints: Int
  /// Whether TensorBoard's event files are written beside the run's own log.
  public let writesTensorBoard: Bool

  public init(
    data: [TrainingInput], recovery: Recovery, steps: Int, share: RoundShares, length: Int, batchSize: Int,
    accumulation: Int, packs: Bool, optimizer: OptimizerSettings, schedule: Schedule, activationBytes: Int,
    checkpointSteps: Int, keptCheckpoints: Int, writesTensorBoard: Bool
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
}

extension TrainStage {
  /// Steps of one round, from 0.
  package func steps(round: Int, of rounds: Int) -> Int {
    let shares = share.shares(of: steps, rounds: rounds)
    return shares.indices.contains(round) ? shares[round] : 0
  }
}

/// A file to train on.
public struct TrainingInput: Sendable, Equatable {
  public enum Format: Sendable, Equatable {
    /// UTF-8 text: one document, or one between any two separators.
    case text(separator: String?)
    /// One JSON object a line, whose `field` is a document.
    case jsonl(field: String)
    /// One JSON object a line with an instruction, an input and an output.
    case instruction(InstructionFields)
    /// One JSON object a line with a conversation, through the model's chat template.
    case chat
    /// `input_ids` in a safetensors file.
    case tokens
  }

  public struct InstructionFields: Sendable, Equatable {
    public let instruction: String
    public let input: String
    public let output: String
    /// With `{instruction}` and `{input}` where the two go; nil for the usual one.
    public let promptWithInput: String?
    public let promptWithoutInput: String?

    public init(
      instruction: String, input: String, output: String, promptWithInput: String?,
      promptWithoutInput: String?
    ) {
      self.instruction = instruction
      self.input = input
      self.output = output
      self.promptWithInput = promptWithInput
      self.promptWithoutInput = promptWithoutInput
    }
  }

  /// Absolute.
  public let path: String
  public let format: Format
  /// Share of the documents, relative to the other inputs'; nil for as many as there are.
  public let weight: Double?
  /// Only what the model is to answer counts in the loss.
  public let completionsOnly: Bool
  public let skipsBroken: Bool
  /// Of chat: what the template is told to be today; nil for the usual day.
  public let date: TemplateDate?

  var isText: Bool { if case .text = format { true } else { false } }

  public init(
    path: String, format: Format, weight: Double?, completionsOnly: Bool, skipsBroken: Bool,
    date: TemplateDate? = nil
  ) {
    self.date = date
    self.path = path
    self.format = format
    self.weight = weight
    self.completionsOnly = completionsOnly
    self.skipsBroken = skipsBroken
  }
}

/// What training changes, and what it is asked to come near.
public enum Recovery: Sendable, Equatable {
  case full
  case lowRank(rank: Int, alpha: Double, targets: [String])
  case normsAndBiases
  /// All parameters, guided by the model as it was before the run.
  case distill(DistillationOptions)
}

public struct OptimizerSettings: Sendable, Equatable {
  public let learningRate: Double
  public let adamW: AdamWOptions
  /// nil for no clipping.
  public let maxGradientNorm: Double?
  /// Whether the moments of an earlier round are taken up.
  public let carriesMoments: Bool

  public init(
    learningRate: Double, adamW: AdamWOptions, maxGradientNorm: Double?, carriesMoments: Bool
  ) {
    self.learningRate = learningRate
    self.adamW = adamW
    self.maxGradientNorm = maxGradientNorm
    self.carriesMoments = carriesMoments
  }
}
