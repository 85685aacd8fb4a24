/// One stage carried out once: what remains of a manifest when its repeats are written out.
public struct StageExecution: Sendable, Equatable {
  /// Unique in the run: the stage's name, and in a repeat the round: `prune.2`.
  public let label: String
  /// The stage's name in the manifest.
  public let stage: String
  /// Where the stage stands in the manifest.
  public let path: JSONPath
  /// In which round of each repeat around it this is, from 1, outermost first; empty outside of repeats.
  public let rounds: [Int]
  /// How often the stage is carried out in all, and which of these times this is, from 0.
  public let times: Int
  public let time: Int
  package let work: any StageWork

  init(_ stage: Stage, _ work: some StageWork, _ round: StageRound) {
    label = ([stage.name] + round.rounds.map(String.init)).joined(separator: ".")
    self.stage = stage.name
    path = stage.path
    (rounds, times, time) = (round.rounds, round.times, round.time)
    self.work = work.inRound(round)
  }

  public static func == (left: StageExecution, right: StageExecution) -> Bool {
    left.label == right.label && left.stage == right.stage && left.path == right.path
      && left.rounds == right.rounds && left.times == right.times && left.time == right.time
      && left.work.isSame(as: right.work)
  }
}

extension Manifest {
  /// More executions than this are taken for a mistake.
  static let mostExecutions = 10_000

  /// Everything that a run does, in order.
  public var executions: [StageExecution] { stages.flatMap { $0.work.writtenOut($0, in: StageRound()) } }

  /// How many executions there would be, counted without writing them out; saturates.
  static func executionCount(_ stages: [Stage]) -> Int {
    stages.reduce(0) { min($0 + $1.work.executionCount, mostExecutions + 1) }
  }
}
