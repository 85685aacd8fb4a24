/// What an instance of a plugin can be asked. It is a table of C functions in this process, a worker process, or
/// (criteria) a plain function. Answers come unchecked.
public protocol InstanceCalls: AnyObject {
  /// The statistics that it needs with its options.
  var statistics: [Statistic] { get }
  /// The traits that it has with its options.
  var traits: Set<Trait> { get }
}

/// A property of an instance, named as the function of its kind that tells it.
public enum Trait: String, CaseIterable, Sendable {
  case scoresCompare = "scores_compare"
  case meetsGoal = "meets_goal"
  case followsCut = "follows_cut"
  case addsBias = "adds_bias"
  case fixesWidths = "fixes_widths"
  case centersEmbeddings = "centers_embeddings"
  case normalisesTokens = "normalises_tokens"
}

public protocol CriterionCalls: InstanceCalls {
  /// A score for each unit, [units.original.count]; `unwrittenFloat` where none was written.
  func score(_ model: ModelSummary, _ units: UnitsRequest) throws(PluginError) -> [Float]
}

public protocol AllocatorCalls: InstanceCalls {
  /// By layer and family. A share that was not written has a sparsity of NaN and keeps `Int.min`.
  func allocate(_ model: ModelSummary, _ request: AllocationRequest) throws(PluginError) -> [[Share]]
}

public protocol CompensatorCalls: InstanceCalls {
  func compensate(
    _ model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection
}

public protocol TransformCalls: InstanceCalls {
  /// A width that was not written is `Int.min`.
  func widths(_ model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int]
  /// [hidden, hidden]
  func orient(_ model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double]
}

public protocol EvaluatorCalls: InstanceCalls {
  func evaluate(_ model: ModelSummary) throws(PluginError) -> EvaluationResult
}

/// NaNs that no arithmetic makes. They fill what a plugin has to write, and the room behind.
let unwrittenFloat = Float(bitPattern: 0x7fed_ad0b)
let unwrittenDouble = Double(bitPattern: 0x7ff8_dead_beef_ad0b)
