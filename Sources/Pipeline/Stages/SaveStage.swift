import JSON
import RunRecords

/// Writes the model as it is now.
public struct SaveStage: Sendable, Equatable {
  public enum ElementType: String, Sendable, CaseIterable {
    /// The source's, or bfloat16 where that is quantised.
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

  /// Parts that are neither empty nor hidden, and not the run's own records.
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
          The element type of the weights. auto: that of the source's matrices, or bfloat16 where they are quantised.
          """),
        .text(
          "directory", \.directory,
          "Where in the run folder. In a repeat the round's number is put at the end: model-2."
        ).described(by: ["type": "string", "pattern": .string(pattern)])
          .checked { stage, reader, reading in
            guard let reason = RunLayout.refusal(ofModelDirectory: stage.directory) else { return }
            reading.reading.problem(
              reader.path.key("directory"), "\"\(stage.directory)\" \(reason)",
              expected: "a path within the run folder")
          },
      ])
  }

  package func words(round: Int, of rounds: Int) -> [String] {
    ["saves the model \(type == .auto ? "in its source's type" : "as \(type.rawValue)") in \(directory)"]
  }

  /// In a repeat the directory has the round's number at its end: `model-2`.
  package func inRound(_ round: StageRound) -> Self {
    var stage = self
    stage.directory = ([directory] + round.rounds.map(String.init)).joined(separator: "-")
    return stage
  }

  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    findings.need(findings.counting.saving(self), execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
