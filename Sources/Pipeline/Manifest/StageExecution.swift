/// One stage carried out once: what remains of a manifest when its repeats are written out.
public struct StageExecution: Sendable, Equatable {
  public enum Work: Sendable, Equatable {
    case evaluate(EvaluateStage)
    case prune(PruneStage)
    case transform(TransformStage)
    case train(TrainStage)
    /// In a repeat the directory has the round's number at its end: `model-2`.
    case save(SaveStage)
  }

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
  public let work: Work
}

extension Manifest {
  /// More executions than this are taken for a mistake.
  static let mostExecutions = 10_000

  /// Everything that a run does, in order.
  public var executions: [StageExecution] { Self.writtenOut(stages, rounds: [], times: 1, time: 0) }

  private static func writtenOut(
    _ stages: [Stage], rounds: [Int], times: Int, time: Int
  ) -> [StageExecution] {
    stages.flatMap { stage -> [StageExecution] in
      func once(_ work: StageExecution.Work) -> [StageExecution] {
        let label = ([stage.name] + rounds.map(String.init)).joined(separator: ".")
        return [
          StageExecution(
            label: label, stage: stage.name, path: stage.path, rounds: rounds, times: times, time: time,
            work: work)
        ]
      }
      switch stage.work {
      case .evaluate(let work): return once(.evaluate(work))
      case .prune(let work): return once(.prune(work.inRound(time, of: times)))
      case .transform(let work):
        return once(.transform(work.with(work.target?.inRound(time, of: times))))
      case .train(let work): return once(.train(work))
      case .save(let work):
        let directory = ([work.directory] + rounds.map(String.init)).joined(separator: "-")
        return once(.save(SaveStage(type: work.type, directory: directory)))
      case .repeated(let work):
        return (0..<work.times).flatMap { round in
          writtenOut(
            work.stages, rounds: rounds + [round + 1], times: times * work.times,
            time: time * work.times + round)
        }
      }
    }
  }

  /// How many executions there would be, counted without writing them out; saturates.
  static func executionCount(_ stages: [Stage]) -> Int {
    stages.reduce(0) { sum, stage in
      guard case .repeated(let work) = stage.work else { return min(sum + 1, mostExecutions + 1) }
      let inner = executionCount(work.stages)
      return min(sum + inner * work.times, mostExecutions + 1)
    }
  }
}
