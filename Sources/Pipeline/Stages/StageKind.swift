import JSON
import PluginRuntime

/// What a stage of a pipeline is. A kind of stage is a type, whose fields say how it stands in JSON. `StageKinds` lists
/// them.
package protocol StageKind: Equatable, Sendable {
  /// How pipelines call it.
  static var kind: String { get }
  /// What it does, as in “prune removes units”.
  static var does: String { get }
  /// The same as a title.
  static var title: String { get }
  /// What else is to be said of it; may be empty.
  static var about: String { get }
  /// What stands beside `stage`, `name` and, of a stage with plugins, `isolate`.
  static var fields: Fields<Self> { get }

  /// Everything that a run does for the stage, in order.
  func writtenOut(_ stage: Stage, in round: StageRound) -> [StageExecution]
  /// How many that are, counted without writing them out; saturates.
  var executionCount: Int { get }
  /// The same with another share of the original model as its target; nil if it has no such target.
  func aiming(at share: Double) -> Self?
}

/// A stage that is carried out.
package protocol StageWork: StageKind {
  /// Whether the model is after the stage what it was before.
  static var leavesModel: Bool { get }

  /// What the stage does, a line for each thing.
  /// - Parameters:
  ///   - round: in which execution of the stage, from 0.
  ///   - rounds: of how many.
  func words(round: Int, of rounds: Int) -> [String]
  /// What is done in one round of the repeats around the stage.
  func inRound(_ round: StageRound) -> Self
  /// What to do where there is too little memory.
  var memoryAdvice: String { get }
  /// Finds what can be known of the stage's failure before any stage has begun, and counts what it needs.
  func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings)
  /// Does the work.
  func execute(in session: RunSession, _ context: StageContext) throws
}

/// Which of its executions a stage is at.
package struct StageRound {
  /// From 0, of `times` in all.
  package var time = 0
  package var times = 1
  /// In each repeat around the stage, from 1, outermost first.
  package var rounds: [Int] = []
}

extension StageKind {
  package static var about: String { "" }
  package func aiming(at share: Double) -> Self? { nil }
  package var executionCount: Int { 1 }

  /// Whether the stage has plugins, which can have processes of their own.
  static var hasPlugins: Bool { fields.list.contains { $0.pluginKind != nil } }
  static var keys: [String] { ["stage", "name"] + (hasPlugins ? ["isolate"] : []) + fields.keys }

  /// Notes what is wrong; what is returned then is of no use.
  static func read(_ object: JSONObject, at path: JSONPath, _ stage: StageReading) -> any StageKind {
    var read = fields.blank
    fields.read(&read, ObjectReader(object, at: path, keys: keys, reading: stage.reading), stage)
    return read
  }

  /// As it stands in a resolved manifest.
  func json(named name: String) -> JSONValue {
    var object: JSONObject = ["stage": .string(Self.kind), "name": .string(name)]
    object["isolate"] = plugins.first?.isolation?.json
    for member in Self.fields.json(of: self).members { object[member.key] = member.value }
    return .object(object)
  }

  var plugins: [PluginUse] { Self.fields.plugins(of: self) }

  func isSame(as other: any StageKind) -> Bool { other as? Self == self }
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
