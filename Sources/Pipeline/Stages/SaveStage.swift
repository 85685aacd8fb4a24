import JSON
import RunRecords

/// Writes the model as it is now.
public struct SaveStage: Sendable, Equatable {
  public enum ElementType: String, Sendable, CaseIterable {
    /// The source's type, or bfloat16 for a quantised source.
    case auto
    case float32, float16, bfloat16
  }

  public internal(set) var type = ElementType.auto
  /// Relative to the run folder, and inside it.
  public internal(set) var directory = "model"
}

extension SaveStage: StageWork {
  package static let kind = "save"
  package static let does = "writes the model"
  package static let title = "Write the model as it is now"
  package static let leavesModel = true

  /// A relative path without empty or hidden parts that doesn't begin with a name of the run's records.
  private static var pattern: String {
    let records = RunLayout.records.map { $0.replacing(".", with: "\\.") }.joined(separator: "|")
    return "^(?!(\(records))(/|$))(?!~)[^./][^/]*(/[^./][^/]*)*$"
  }

  package static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .choice(
          "type", \.type,
          """
          The element type of the weights. auto: the type of the source's matrices, or bfloat16 if they are quantised.
          """),
        .text(
          "directory", \.directory,
          "The directory in the run folder. In a repeat it ends with the round's number: model-2."
        ).described(by: ["type": "string", "pattern": .string(pattern)])
          .checked { stage, reader in
            guard let reason = RunLayout.refusal(ofModelDirectory: stage.directory) else { return }
            reader.problem(
              "directory", "\"\(stage.directory)\" \(reason)",
              expected: "a path within the run folder")
          },
      ])
  }

  package func words(in round: StageRound) -> [String] {
    ["saves the model \(type == .auto ? "in its source's type" : "as \(type.rawValue)") in \(directory)"]
  }

  package func inRound(_ round: StageRound) -> Self {
    with(\.directory, ([directory] + round.rounds.map(String.init)).joined(separator: "-"))
  }

  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    findings.need(StageNeeds(traffic: findings.counting.dequantizing), execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
