import JSON
import PluginRuntime

/// A kind of stage: a type whose fields say how it stands in JSON. `StageKinds` lists the kinds.
package protocol StageKind: Equatable, Sendable {
  /// Its name in pipelines.
  static var kind: String { get }
  /// Its work, as in “prune removes units”.
  static var does: String { get }
  /// The same as a title.
  static var title: String { get }
  /// More about it; may be empty.
  static var about: String { get }
  /// The keys beside `stage`, `name` and, in a stage with plugins, `isolate`.
  static var fields: Fields<Self> { get }

  /// All executions of the stage in a run, in order.
  func writtenOut(_ stage: Stage, in round: StageRound) -> [StageExecution]
  /// The number of executions, counted without writing them out; at most `Manifest.mostExecutions + 1`.
  var executionCount: Int { get }
  /// The same with another share of the original model as its target. Nil if it has no such target.
  func aiming(at share: Double) -> Self?
}

/// A stage that a run executes.
package protocol StageWork: StageKind {
  /// Whether the stage leaves the model unchanged.
  static var leavesModel: Bool { get }

  /// The stage in words, a line for each fact.
  func words(in round: StageRound) -> [String]
  /// The stage in one round of the repeats around it.
  func inRound(_ round: StageRound) -> Self
  /// What to do about too little memory.
  var memoryAdvice: String { get }
  /// Finds problems that are known before the run begins, and counts the time and memory that the stage needs.
  func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings)
  /// Executes the stage.
  func execute(in session: RunSession, _ context: StageContext) throws
}

/// One of the executions of a stage.
package struct StageRound: Sendable {
  /// Its number, from 0, of `times` in all.
  package var time = 0
  package var times = 1
  /// The round of each repeat around the stage, from 1, outermost first.
  package var rounds: [Int] = []
}

extension StageKind {
  package static var about: String { "" }
  package func aiming(at share: Double) -> Self? { nil }
  package var executionCount: Int { 1 }

  /// Whether the stage has plugins, which `isolate` can give processes of their own.
  static var hasPlugins: Bool { fields.list.contains { $0.pluginKind != nil } }
  static var keys: [String] { ["stage", "name"] + (hasPlugins ? ["isolate"] : []) + fields.keys }

  /// Reads a stage, and notes its mistakes.
  static func read(_ value: JSONValue, at path: JSONPath, _ stage: StageReading) -> any StageKind {
    var read = fields.blank
    let reader = ObjectReader(value, at: path, keys: keys, reading: stage.reading)
    if let reader { fields.read(&read, reader, stage) }
    return read
  }

  /// The stage as it stands in a resolved manifest.
  func json(named name: String) -> JSONValue {
    var object: JSONObject = ["stage": .string(Self.kind), "name": .string(name)]
    object["isolate"] = plugins.first?.isolation?.json
    object.add(Self.fields.json(of: self))
    return .object(object)
  }

  var plugins: [PluginUse] { Self.fields.plugins(of: self) }

  func isSame(as other: any StageKind) -> Bool { other as? Self == self }

  /// The stage with another value.
  func with<Value>(_ place: WritableKeyPath<Self, Value>, _ value: Value) -> Self {
    var stage = self
    stage[keyPath: place] = value
    return stage
  }
}

extension StageWork {
  package func inRound(_ round: StageRound) -> Self { self }
  package var memoryAdvice: String { "make room" }
  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    findings.need(StageNeeds(), execution)
  }

  package func writtenOut(_ stage: Stage, in round: StageRound) -> [StageExecution] {
    [StageExecution(stage, self, round)]
  }

  var leavesModel: Bool { Self.leavesModel }
}
