import JSON

/// Runs stages several times. `Manifest.executions` writes it out, so that a run never sees it.
public struct RepeatStage: Sendable, Equatable {
  public internal(set) var times = 1
  public internal(set) var stages: [Stage] = []
}

extension RepeatStage: StageKind {
  package static let kind = "repeat"
  package static let does = "runs stages several times"
  package static let title = "Run stages several times"
  package static let about =
    """
    With a prune and a train stage in it, pruning and training take turns: see \"spread_over_rounds\" of a target and \
    \"share\" of a train stage.
    """

  package static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .integer("times", \.times, 1...1000, "How many times.")
          .required("how many times, an integer from 1 to 1000"),
        Field(
          "stages", "The stages, in their order.", schema: .reference("stages"), isRequired: true,
          read: { stage, reader, reading in
            guard let inner = reader.required("stages", expected: "a list of stages") else { return }
            stage.stages = reading.stages(inner, at: reader.path.key("stages"))
          }, write: { .array($0.stages.map(\.json)) }),
      ])
  }

  package func writtenOut(_ stage: Stage, in round: StageRound) -> [StageExecution] {
    (0..<times).flatMap { turn in
      let inner = StageRound(
        time: round.time * times + turn, times: round.times * times, rounds: round.rounds + [turn + 1])
      return stages.flatMap { $0.work.writtenOut($0, in: inner) }
    }
  }

  package var executionCount: Int {
    min(Manifest.executionCount(stages) * times, Manifest.mostExecutions + 1)
  }

  package func aiming(at share: Double) -> Self? {
    let aimed = stages.map { $0.aiming(at: share) }
    guard aimed.contains(where: { $0 != nil }) else { return nil }
    return with(\.stages, zip(aimed, stages).map { $0 ?? $1 })
  }
}
