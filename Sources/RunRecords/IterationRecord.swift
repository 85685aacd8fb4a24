import JSON

/// `iterations/001.json`: one iteration of pruning, or the slicing of a transform stage. The event log has its time, so that
/// the same run writes the same bytes here.
public struct IterationRecord: Record, Equatable {
  /// One layer's units of a family, after the iteration.
  public struct Removal: Record, Equatable {
    public enum Kept: Sendable, Equatable {
      /// The kept units, by their index in the unpruned model, ascending.
      case units([Int])
      /// The width of the residual stream. A column of a basis has no index in the unpruned model.
      case width(Int)

      public var count: Int {
        switch self {
        case .units(let units): units.count
        case .width(let width): width
        }
      }
    }

    /// The share that the allocator wanted removed, of the original units or of the layer's cost; nil for a width.
    public var targetSparsity: Double?
    public var originalCount: Int?
    public var kept: Kept?

    init() {}
    public init(targetSparsity: Double? = nil, originalCount: Int, kept: Kept) {
      self.targetSparsity = targetSparsity
      self.originalCount = originalCount
      self.kept = kept
    }

    /// The removed share of the original units.
    public var sparsity: Double? {
      guard case .units(let units)? = kept, let originalCount else { return nil }
      return originalCount > 0 ? 1 - Double(units.count) / Double(originalCount) : 0
    }

    package static let layout = Layout<Removal>(
      Removal(), Field("target_sparsity", \.targetSparsity),
      Field("sparsity") { $0.sparsity.map { .number($0) } }, Field("original_count", \.originalCount),
      Field("kept", \.kept))
  }

  public struct Layer: Record, Equatable {
    /// The layer statistics for the allocator, gathered before the cut: sums over mini-batches of means over tokens. NaN
    /// if not finite.
    public var statistics: [Named<Double>] = []
    /// By name: `attention`, `mlp`, `attention_block`, `mlp_block`, `layer`. A sliced residual stream has
    /// `attention_stream` and `mlp_stream`.
    public var families: [Named<Removal>] = []

    init() {}
    public init(statistics: [Named<Double>], families: [Named<Removal>]) {
      self.statistics = statistics
      self.families = families
    }

    package static let layout = Layout<Layer>(
      Layer(), Field("statistics", \.statistics, .members(of: .measured)),
      Field("families", \.families, .members(of: Removal.form)))
  }

  /// Counts from 1, through the whole run.
  public var number = 0
  /// The label of the stage's execution.
  public var stage = ""
  /// Counts from 1, within the stage.
  public var iteration: Int?
  /// The size of the model after the cut. A tied embedding counts once.
  public var parameters: Int?
  /// Multiply-accumulates a token, after the cut.
  public var macs: Int?
  /// Whether the criterion's scores compare across families; nil if that is not known.
  public var scoresCompare: Bool?
  /// The number of mini-batches that the layer statistics sum over; nil without calibration data.
  public var miniBatches: Int?
  /// The width of a sliced residual stream before the head.
  public var headWidth: Int?
  public var layers: [Layer] = []

  package static let layout = Layout<IterationRecord>(
    IterationRecord(), Field("number", \.number, .everybody), Field("stage", \.stage),
    Field("iteration", \.iteration), Field("parameters", \.parameters), Field("macs_per_token", \.macs),
    Field("scores_compare", \.scoresCompare), Field("mini_batches", \.miniBatches),
    Field("head_width", \.headWidth), Field("layers", \.layers, .everybody))
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
