import JSON

/// `iterations/001.json`: what one iteration of pruning, or the slicing of a transform stage, saw and did. How long it took
/// stands in the event log, so that the same run gives the same bytes here.
public struct IterationRecord: Record, Equatable {
  /// What is left of a family of units in one layer.
  public struct Removal: Record, Equatable {
    public enum Kept: Sendable, Equatable {
      /// The units that are still there after this iteration, by their index in the unpruned model, ascending.
      case units([Int])
      /// How wide the residual stream is: a column of a basis has no number in the unpruned model.
      case width(Int)

      public var count: Int {
        switch self {
        case .units(let units): units.count
        case .width(let width): width
        }
      }
    }

    /// The share that the allocator meant to be gone: of the original units, or of the layer's cost; nil of a width.
    public var targetSparsity: Double?
    public var originalCount: Int?
    public var kept: Kept?

    public init() {}

    public init(targetSparsity: Double? = nil, originalCount: Int, kept: Kept) {
      self.targetSparsity = targetSparsity
      self.originalCount = originalCount
      self.kept = kept
    }

    /// The share of the original units that is gone.
    public var sparsity: Double? {
      guard case .units(let units)? = kept, let originalCount else { return nil }
      return originalCount > 0 ? 1 - Double(units.count) / Double(originalCount) : 0
    }

    package static let fields: [Field<Removal>] = [
      Field("target_sparsity", \.targetSparsity), Field("sparsity") { $0.sparsity.map { .number($0) } },
      Field("original_count", \.originalCount), Field("kept", \.kept),
    ]
  }

  public struct Layer: Record, Equatable {
    /// The layer statistics that the allocator asked for, as gathered before the cut: sums over mini-batches of means over
    /// tokens. Not a number where one isn't finite.
    public var statistics: [Named<Double>] = []
    /// By name: `attention`, `mlp`, `attention_block`, `mlp_block`, `layer`, or of a sliced residual stream
    /// `attention_stream`, `mlp_stream`.
    public var families: [Named<Removal>] = []

    public init() {}

    public init(statistics: [Named<Double>], families: [Named<Removal>]) {
      self.statistics = statistics
      self.families = families
    }

    package static let fields: [Field<Layer>] = [
      Field("statistics", \.statistics, .members(of: .measured)),
      Field("families", \.families, .members(of: Removal.form)),
    ]
  }

  /// From 1, through the whole run.
  public var number = 0
  /// The label of the stage's execution.
  public var stage = ""
  /// From 1, within the stage.
  public var iteration: Int?
  /// Of the model after the cut; a tied embedding counts once.
  public var parameters: Int?
  /// Multiply-accumulates a token of the model after the cut.
  public var macs: Int?
  /// Whether the criterion says that its scores compare across families; nil if that is not known.
  public var scoresCompare: Bool?
  /// Over how many the layer statistics are sums; nil without calibration data.
  public var miniBatches: Int?
  /// How wide the residual stream is before the head, where it was sliced.
  public var headWidth: Int?
  public var layers: [Layer] = []

  public init() {}
  package static let fields: [Field<IterationRecord>] = [
    Field("number", \.number, .everybody), Field("stage", \.stage), Field("iteration", \.iteration),
    Field("parameters", \.parameters), Field("macs_per_token", \.macs),
    Field("scores_compare", \.scoresCompare), Field("mini_batches", \.miniBatches),
    Field("head_width", \.headWidth), Field("layers", \.layers, .everybody),
  ]
}

extension IterationRecord.Removal.Kept: Storable {
  package static var form: Form<Self> {
    Form(
      read: { json, _ in
        // An entry that is no index still counts as a unit.
        json.arrayValue.map { .units($0.map { $0.integerValue ?? -1 }) }
          ?? json.integerValue.map { .width($0) }
      },
      write: { kept in
        switch kept {
        case .units(let list): .array(list.map { .integer($0) })
        case .width(let width): .integer(width)
        }
      })
  }
}
