import PluginRuntime
import Transformer

/// Makes the residual stream narrower, in bases that a transform plugin chooses.
public struct TransformStage: Sendable, Equatable {
  public internal(set) var transform = PluginUse.unread
  public internal(set) var calibration = CalibrationSample.unread
  /// Nil: the transform's options fix the widths of the stream.
  public internal(set) var target: Target?
}

extension TransformStage: StageWork {
  package static let kind = "transform"
  package static let does = "makes the residual stream narrower"
  package static let title = "Make the residual stream narrower"
  package static let leavesModel = false

  /// Mini-batches make no difference to Gram matrices.
  private static var sample: Fields<CalibrationSample> { CalibrationSample.fields.without("batch_size") }

  package static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .plugin(
          .transform, \.transform,
          """
          In which basis is the stream cut, and how wide does it stay? `adapt-pruner plugin` lists the transforms.
          """),
        Field(
          "calibration", "The text from which the bases are found.", schema: sample.schema,
          definitions: sample.definitions, isRequired: true,
          read: { stage, reader, reading in
            guard
              let value = reader.required(
                "calibration", expected: "calibration data, from which the bases are found")
            else { return }
            stage.calibration =
              CalibrationSample.read(value, at: reader.path.key("calibration"), sample, reading) ?? .unread
          }, write: { .object(sample.json(of: $0.calibration)) }),
        .target(
          \.target,
          """
          The largest size of the model after the stage, with its shortcut matrices. Left out if the transform's options \
          say how wide the stream becomes.
          """
        ).checked { stage, reader in stage.checkTarget(reader) },
      ])
  }

  private func checkTarget(_ reader: ObjectReader) {
    guard calibration != .unread, transform != .unread else { return }
    let isFixed = transform.answers.fixesWidths
    if isFixed, reader.object["target"] != nil {
      reader.problem(
        "target", "the options of \(transform.id) say how wide the stream becomes already",
        advice: "leave out the target or that option")
    } else if !isFixed, reader.object["target"] == nil {
      reader.problem(
        "target", "missing",
        expected: "a target, or an option of \(transform.id) that says how wide the stream becomes")
    }
  }

  package func words(in round: StageRound) -> [String] {
    [
      "slices the residual stream" + (target.map { " to " + $0.words } ?? ""),
      "turns it by " + transform.words, calibration.words,
    ]
  }

  package func inRound(_ round: StageRound) -> Self { with(\.target, target?.inRound(round)) }

  package func aiming(at share: Double) -> Self? { target?.aiming(at: share).map { with(\.target, $0) } }

  package var memoryAdvice: String { CalibrationSample.memoryAdvice }

  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    findings.read(calibration, execution)
    let isFirst = findings.sizes.isUntouched
    findings.attempt(execution) {
      let transforming = try Transforming(
        self, in: check.rehearsing.labelled(execution.label), sequences: [])
      // After an earlier stage the sizes are not known yet.
      if isFirst { try transforming.rehearse() }
    }
    findings.need(findings.counting.slicing(self), execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
