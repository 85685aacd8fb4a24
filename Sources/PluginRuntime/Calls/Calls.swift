import JSON

/// What stands behind an instance of a plugin: its table of C functions in this process, the same in a process of its own,
/// or (criteria) a plain function. Answers are as they come; the instances check them.
protocol CriterionCalls: AnyObject {
  /// What it needs with its options.
  var statistics: [Statistic] { get }
  /// With its options, scores compare across families.
  var scoresCompare: Bool { get }
  /// A score for each unit, [units.original.count]; `unwrittenScore` where none was written.
  func score(model: ModelSummary, units: UnitsRequest) throws(PluginError) -> [Float]
}

/// A NaN that no arithmetic makes: what a plugin has not written still reads so.
let unwrittenScore = Float(bitPattern: 0x7fed_ad0b)

protocol AllocatorCalls: AnyObject {
  var statistics: [Statistic] { get }
  var meetsGoal: Bool { get }
  /// By layer and family; what was not written has a sparsity of NaN and keeps `Int.min`.
  func allocate(
    model: ModelSummary, budget: BudgetRequest, layers: [LayerRequest], scoresCompare: Bool
  ) throws(PluginError) -> [[Share]]
}

protocol CompensatorCalls: AnyObject {
  var statistics: [Statistic] { get }
  var followsCut: Bool { get }
  var addsBias: Bool { get }
  func compensate(
    model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection
}

protocol TransformCalls: AnyObject {
  var statistics: [Statistic] { get }
  var fixesWidths: Bool { get }
  var centersEmbeddings: Bool { get }
  var normalisesTokens: Bool { get }
  /// What was not written is `Int.min`.
  func widths(model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int]
  /// [hidden, hidden]
  func orient(model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double]
}

protocol EvaluatorCalls: AnyObject {
  func evaluate(model: ModelSummary) throws(PluginError) -> EvaluationResult
}
