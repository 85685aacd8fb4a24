import JSON
import Transformer

/// `iterations/001.json`: what one iteration of pruning saw and did. How long it took stands in the event log, so
/// that the same run gives the same bytes here.
public struct IterationRecord: Sendable, Equatable {
  public struct Removal: Sendable, Equatable {
    public let family: Family
    /// The share that the allocator meant to be gone: of the original units, or of the layer's cost.
    public let targetSparsity: Double
    public let originalCount: Int
    /// The units that are still there after this iteration, by their index in the unpruned model, ascending.
    public let kept: [Int]

    public init(family: Family, targetSparsity: Double, originalCount: Int, kept: [Int]) {
      self.family = family
      self.targetSparsity = targetSparsity
      self.originalCount = originalCount
      self.kept = kept
    }

    /// The share of the original units that is gone.
    public var sparsity: Double {
      originalCount > 0 ? 1 - Double(kept.count) / Double(originalCount) : 0
    }
  }

  public struct Layer: Sendable, Equatable {
    /// The layer statistics that the allocator asked for, by name, as gathered before the cut.
    public let statistics: [(name: String, value: Double)]
    public let families: [Removal]

    public init(statistics: [(name: String, value: Double)], families: [Removal]) {
      self.statistics = statistics
      self.families = families
    }

    public static func == (left: Layer, right: Layer) -> Bool {
      left.families == right.families && left.statistics.elementsEqual(right.statistics, by: ==)
    }
  }

  /// From 1, through the whole run.
  public let number: Int
  /// The label of the stage's execution.
  public let stage: String
  /// From 1, within the stage.
  public let iteration: Int
  public let layers: [Layer]
  /// Of the model after the cut; a tied embedding counts once.
  public let parameters: Int
  /// Multiply-accumulates a token of the model after the cut.
  public let macs: Int
  /// Whether the criterion says that its scores compare across families; nil if that is not known.
  public let scoresCompare: Bool?
  /// Over how many the layer statistics are sums; nil without calibration data.
  public let miniBatches: Int?

  public init(
    number: Int, stage: String, iteration: Int, layers: [Layer], parameters: Int, macs: Int,
    scoresCompare: Bool? = nil, miniBatches: Int? = nil
  ) {
    self.scoresCompare = scoresCompare
    self.miniBatches = miniBatches
    self.number = number
    self.stage = stage
    self.iteration = iteration
    self.layers = layers
    self.parameters = parameters
    self.macs = macs
  }

  public var json: JSONValue {
    var object: JSONObject = [
      "number": .integer(number), "stage": .string(stage), "iteration": .integer(iteration),
      "parameters": .integer(parameters), "macs_per_token": .integer(macs),
    ]
    object["scores_compare"] = scoresCompare.map { .bool($0) }
    object["mini_batches"] = miniBatches.map { .integer($0) }
    object["layers"] = .array(layers.map(\.json))
    return .object(object)
  }
}

extension IterationRecord.Layer {
  var json: JSONValue {
    [
      "statistics": .object(JSONObject(statistics.map { ($0.name, .number($0.value)) })),
      "families": .object(
        JSONObject(
          families.map { family in
            (
              family.family.rawValue,
              [
                "target_sparsity": .number(family.targetSparsity), "sparsity": .number(family.sparsity),
                "original_count": .integer(family.originalCount),
                "kept": .array(family.kept.map { .integer($0) }),
              ]
            )
          })),
    ]
  }
}
