/// One execution of a stage. A manifest with its repeats written out is a list of executions.
public struct StageExecution: Sendable {
  /// Unique in the run: the stage's name, and in a repeat the round: `prune.2`.
  public let label: String
  /// The stage's name in the manifest.
  public let stage: String
  /// The stage's place in the manifest.
  public let path: JSONPath
  package let round: StageRound
  package let work: any StageWork

  init(_ stage: Stage, _ work: some StageWork, _ round: StageRound) {
    label = ([stage.name] + round.rounds.map(String.init)).joined(separator: ".")
    self.stage = stage.name
    path = stage.path
    self.round = round
    self.work = work.inRound(round)
  }
}

extension Manifest {
  /// A pipeline with more executions is refused.
  static let mostExecutions = 10_000

  /// All executions of a run, in order.
  public var executions: [StageExecution] { stages.flatMap { $0.work.writtenOut($0, in: StageRound()) } }

  /// The number of executions, counted without writing them out; at most `mostExecutions + 1`.
  static func executionCount(_ stages: [Stage]) -> Int {
    stages.reduce(0) { min($0 + $1.work.executionCount, mostExecutions + 1) }
  }
}
