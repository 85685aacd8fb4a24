import JSON

/// What stands behind an instance of a plugin: its table of C functions in this process, the same in a process of its own,
/// or (criteria) a plain function. Answers are as they come; the instances check them.
protocol InstanceCalls: AnyObject {
  /// What it needs with its options.
  var statistics: [String] { get }
  /// What is so with its options.
  var traits: Set<Trait> { get }
}

/// What an instance says of itself, by the names of its kind's functions.
enum Trait: String, CaseIterable {
  case scoresCompare = "scores_compare"
  case meetsGoal = "meets_goal"
  case followsCut = "follows_cut"
  case addsBias = "adds_bias"
  case fixesWidths = "fixes_widths"
  case centersEmbeddings = "centers_embeddings"
  case normalisesTokens = "normalises_tokens"
}

extension Set<Trait> {
  /// - Parameter answers: of a table's functions, 0 for no.
  init(_ answers: KeyValuePairs<Trait, Int32>) { self.init(answers.filter { $0.value != 0 }.map(\.key)) }
}

protocol CriterionCalls: InstanceCalls {
  /// A score for each unit, [units.original.count]; `unwrittenScore` where none was written.
  func score(_ model: ModelSummary, _ units: UnitsRequest) throws(PluginError) -> [Float]
}

/// A NaN that no arithmetic makes: what a plugin has not written still reads so.
let unwrittenScore = Float(bitPattern: 0x7fed_ad0b)

protocol AllocatorCalls: InstanceCalls {
  /// By layer and family; what was not written has a sparsity of NaN and keeps `Int.min`.
  func allocate(_ model: ModelSummary, _ request: AllocationRequest) throws(PluginError) -> [[Share]]
}

protocol CompensatorCalls: InstanceCalls {
  func compensate(
    _ model: ModelSummary, _ projection: ProjectionRequest
  ) throws(PluginError) -> CompensatedProjection
}

protocol TransformCalls: InstanceCalls {
  /// What was not written is `Int.min`.
  func widths(_ model: ModelSummary, _ residual: ResidualRequest) throws(PluginError) -> [Int]
  /// [hidden, hidden]
  func orient(_ model: ModelSummary, _ place: OrientRequest) throws(PluginError) -> [Double]
}

protocol EvaluatorCalls: InstanceCalls {
  func evaluate(_ model: ModelSummary) throws(PluginError) -> EvaluationResult
}

// MARK: - Making an instance

/// An instance of one kind, with its checks.
protocol KindInstance: AnyObject {
  init(of plugin: LoadedPlugin, options: JSONValue, services: HostServices) throws(PluginError)
  var inside: any InstanceCalls { get }
}

extension PluginKind {
  var instance: any KindInstance.Type {
    switch self {
    case .criterion: CriterionInstance.self
    case .allocator: AllocatorInstance.self
    case .compensator: CompensatorInstance.self
    case .transform: TransformInstance.self
    case .evaluator: EvaluatorInstance.self
    }
  }
}

extension LoadedPlugin {
  typealias MakeTable<Table> = (
    LoadedPlugin, UnsafeRawPointer, JSONValue, HostServices
  ) throws(PluginError) -> Table

  /// The resolved options of an instance, and what stands behind it.
  /// - Parameters:
  ///   - table: makes it where the plugin is in this process.
  ///   - worker: says that the proxy is one.
  ///   - function: makes it of a plain function, where the kind allows one.
  func make<Calls>(
    _ kind: PluginKind, _ options: JSONValue, _ services: HostServices, table: MakeTable<Calls>,
    worker: (WorkerInstance) -> Calls, function: ((ForeignFunction) throws(PluginError) -> Calls)? = nil
  ) throws(PluginError) -> (JSONValue, Calls) {
    if about.kind != kind { throw .wrongKind(plugin: about.id, expected: kind, got: about.kind) }
    let options = try resolve(options)
    switch backing {
    case .table(let pointer): return (options, try table(self, pointer, options, services))
    case .worker(let process):
      return (options, worker(try WorkerInstance(self, process, options: options, services: services)))
    case .function(let foreign):
      guard let function else { throw .wrongKind(plugin: about.id, expected: kind, got: about.kind) }
      return (options, try function(foreign))
    }
  }
}
