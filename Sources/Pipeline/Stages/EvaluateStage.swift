import PluginRuntime
import Transformer

/// Measures the model as it is now.
public struct EvaluateStage: Sendable, Equatable {
  public internal(set) var evaluators: [PluginUse] = []
}

extension EvaluateStage: StageWork {
  package static let kind = "evaluate"
  package static let does = "measures the model"
  package static let title = "Measure the model as it is now"
  package static let leavesModel = true

  package static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .plugins(
          "evaluators", \.evaluators, .evaluator,
          "The measurements. `adapt-pruner plugin` lists the evaluators.")
      ])
  }

  package func words(in round: StageRound) -> [String] { evaluators.map { "measures " + $0.words } }

  package var memoryAdvice: String { "have the evaluator read fewer or shorter windows" }

  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    var names: [String: String] = [:]
    var needs = StageNeeds()
    for (index, use) in evaluators.enumerated() {
      let rehearsal = findings.rehearsed(use, execution) {
        try Evaluation(use, in: check.rehearsing.labelled(execution.label)).rehearse()
      }
      guard let rehearsal else { continue }
      needs.add(findings.counting.evaluation(rehearsal))
      let place = "evaluators[\(index)]"
      for name in rehearsal.metrics {
        if let other = names[name] {
          findings.note(
            execution,
            "\(other) and \(place) both answer a metric \"\(name)\"; leave one of them out, or give its data another \"name\""
          )
        } else {
          names[name] = place
        }
      }
    }
    findings.need(needs, execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
