import JSON
import PluginRuntime
import Transformer

/// A pipeline with nothing left open: defaults filled in, inputs and paths resolved, plugins and their
/// options checked. `ManifestResolver` makes it from JSON; `json` turns it back.
public struct Manifest: Sendable, Equatable {
  public let name: String
  public let description: String
  /// What all random numbers of the run depend on.
  public let seed: Int
  public let stages: [Stage]
}

/// One step of a pipeline.
public struct Stage: Sendable, Equatable {
  /// Unique in the manifest: as given, or the stage's kind with a number if that is taken.
  public let name: String
  /// Where it stands, for messages.
  public let path: JSONPath
  public let work: StageWork
}

/// What a stage does.
public enum StageWork: Sendable, Equatable {
  case evaluate(EvaluateStage)
  case prune(PruneStage)
  case transform(TransformStage)
  case train(TrainStage)
  case save(SaveStage)
  case repeated(RepeatStage)
}

/// A plugin with its options, as they fit its schema.
public struct PluginUse: Sendable, Equatable {
  public let id: String
  /// All options, defaults filled in. Data options hold `data`'s sources in JSON.
  public let options: JSONObject
  /// The sources behind the data options, by the option's key.
  public let data: [String: DataSource]
  /// The statistics that the plugin needs with these options.
  public let statistics: [Statistic]
  /// What it may use in a process of its own; nil: it is loaded into this one.
  public let isolation: Isolation?

  public init(
    id: String, options: JSONObject, data: [String: DataSource], statistics: [Statistic],
    isolation: Isolation? = nil
  ) {
    self.isolation = isolation
    self.id = id
    self.options = options
    self.data = data
    self.statistics = statistics
  }
}

/// Measures the model as it is now.
public struct EvaluateStage: Sendable, Equatable {
  public let evaluators: [PluginUse]

  public init(evaluators: [PluginUse]) {
    self.evaluators = evaluators
  }
}

/// Removes units until the target is met.
public struct PruneStage: Sendable, Equatable {
  public let criterion: PluginUse
  public let allocator: PluginUse
  /// nil: what stays stays as it is.
  public let compensator: PluginUse?
  public let calibration: Calibration
  public let target: Target
  /// In how many steps the target is approached.
  public let iterations: Int
  public let families: [Family]
  /// MLPs keep a multiple of so many channels; 1 for any number.
  public let roundTo: Int
  /// Whether all layers keep as many units of each family.
  public let sameSize: Bool
  /// Whether every unit's score is kept in the run folder.
  public let recordsScores: Bool

  var widths: EqualWidths { EqualWidths(roundTo: roundTo, sameSize: sameSize) }

  public init(
    criterion: PluginUse, allocator: PluginUse, compensator: PluginUse? = nil, calibration: Calibration,
    target: Target, iterations: Int, families: [Family], roundTo: Int = 1, sameSize: Bool = false,
    recordsScores: Bool
  ) {
    self.roundTo = roundTo
    self.sameSize = sameSize
    self.criterion = criterion
    self.allocator = allocator
    self.compensator = compensator
    self.calibration = calibration
    self.target = target
    self.iterations = iterations
    self.families = families
    self.recordsScores = recordsScores
  }

  func inRound(_ round: Int, of rounds: Int) -> PruneStage { with(target.inRound(round, of: rounds)) }

  /// The same with another target.
  func with(_ target: Target) -> PruneStage {
    PruneStage(
      criterion: criterion, allocator: allocator, compensator: compensator, calibration: calibration,
      target: target, iterations: iterations, families: families, roundTo: roundTo, sameSize: sameSize,
      recordsScores: recordsScores)
  }
}

/// Makes the residual stream narrower, in bases that a transform chooses.
public struct TransformStage: Sendable, Equatable {
  public let transform: PluginUse
  public let calibration: CalibrationSample
  /// nil: the transform's options say how wide the stream becomes.
  public let target: Target?

  public init(transform: PluginUse, calibration: CalibrationSample, target: Target?) {
    self.transform = transform
    self.calibration = calibration
    self.target = target
  }

  /// The same with another target.
  func with(_ target: Target?) -> TransformStage {
    TransformStage(transform: transform, calibration: calibration, target: target)
  }
}

/// The text that statistics are gathered from.
public enum Calibration: Sendable, Equatable {
  /// No plugin of the stage needs statistics.
  case none
  case sample(CalibrationSample)

  /// nil without a sample. The last one may have fewer sequences.
  var miniBatches: Int? {
    guard case .sample(let sample) = self else { return nil }
    return (sample.sequences - 1) / sample.batchSize + 1
  }
}

/// `sequences` × `length` tokens of a data source, taken in mini-batches of `batchSize` sequences.
public struct CalibrationSample: Sendable, Equatable {
  public let data: DataSource
  public let sequences: Int
  public let length: Int
  public let batchSize: Int

  public init(data: DataSource, sequences: Int, length: Int, batchSize: Int) {
    self.data = data
    self.sequences = sequences
    self.length = length
    self.batchSize = batchSize
  }
}

/// How large the model may be after a prune or transform stage.
public struct Target: Sendable, Equatable {
  public enum Measure: String, Sendable, CaseIterable { case parameters, macs }
  /// What a fraction is a fraction of.
  public enum Base: String, Sendable, CaseIterable {
    /// The model as it was before the run.
    case original
    /// The model as it enters the stage.
    case current
  }
  public enum Amount: Sendable, Equatable {
    /// Above 0, at most 1.
    case fraction(Double, of: Base)
    case count(Int)
  }

  public let measure: Measure
  public let amount: Amount
  /// In a repeat, whether the target is approached from round to round in equal steps and met in the last; otherwise each
  /// round has it. Only a fraction of the original can be.
  public let spreads: Bool

  public init(measure: Measure, amount: Amount, spreads: Bool = false) {
    self.measure = measure
    self.amount = amount
    self.spreads = spreads
  }

  /// The target of one round out of several, from 0: 1 − (1 − share) · (round + 1) / rounds, as the published scripts set
  /// it (experiments/iterative_Prune_Train_*.sh).
  func inRound(_ round: Int, of rounds: Int) -> Target {
    guard spreads, case .fraction(let share, .original) = amount else { return self }
    let part = 1 - (1 - share) * Double(round + 1) / Double(rounds)
    return Target(measure: measure, amount: .fraction(part, of: .original))
  }
}

/// Writes the model as it is now.
public struct SaveStage: Sendable, Equatable {
  public enum ElementType: String, Sendable, CaseIterable {
    /// The source's, or bfloat16 where that is quantised.
    case auto
    case float32, float16, bfloat16
  }

  public let type: ElementType
  /// Relative to the run folder, and inside it.
  public let directory: String

  public init(type: ElementType, directory: String) {
    self.type = type
    self.directory = directory
  }
}

/// Runs stages several times over.
public struct RepeatStage: Sendable, Equatable {
  public let times: Int
  public let stages: [Stage]
}
