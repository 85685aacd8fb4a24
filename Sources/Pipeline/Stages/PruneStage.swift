import JSON
import PluginRuntime
import Transformer

/// Removes units until the target is met.
public struct PruneStage: Sendable, Equatable {
  public internal(set) var criterion = PluginUse.unread
  public internal(set) var allocator = PluginUse.unread
  /// Nil: the remaining weights don't change.
  public internal(set) var compensator: PluginUse?
  /// The text from which statistics are gathered. Nil: no plugin of the stage needs any.
  public internal(set) var calibration: CalibrationSample?
  public internal(set) var target = Target.unread
  /// The number of steps to the target.
  public internal(set) var iterations = 10
  public internal(set) var families = Family.widths
  /// The number of channels of every MLP is a multiple of this.
  public internal(set) var roundTo = 1
  /// Whether all layers keep the same number of units of each family.
  public internal(set) var sameSize = false
  /// Whether the run folder keeps every unit's score.
  public internal(set) var recordsScores = false

  var widths: EqualWidths { EqualWidths(roundTo: roundTo, sameSize: sameSize) }
}

extension PruneStage: StageWork {
  package static let kind = "prune"
  package static let does = "removes units"
  package static let title = "Remove units until the target is met"
  package static let leavesModel = false

  package static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .plugin(.criterion, \.criterion, "How much does each unit matter?"),
        .plugin(.allocator, \.allocator, "How much may each layer lose?"),
        .plugin(
          .compensator, \.compensator,
          """
          How do the remaining units make up for the removed ones? Default: they don't change. Whole sublayers and layers \
          have no compensator.
          """),
        Field(
          "calibration",
          "The text from which statistics are gathered. Required if one of the plugins needs statistics.",
          schema: CalibrationSample.fields.schema, definitions: CalibrationSample.fields.definitions,
          read: { stage, reader, reading in stage.calibration = stage.calibration(reader, reading) },
          write: { $0.calibration.map { .object(CalibrationSample.fields.json(of: $0)) } }
        ).late(),
        .target(\.target, "The largest size of the model after the stage."),
        .integer(
          "iterations", \.iterations, 1...10_000,
          """
          The number of steps to the target. Each computes the scores anew. An allocator that goes its own way takes as \
          many as it needs.
          """),
        .families(\.families).checked { stage, reader in
          guard stage.compensator != nil, stage.families.contains(where: \.isWhole) else { return }
          reader.problem(
            "compensator", "whole sublayers and layers have no projection that is left to be changed",
            advice: "leave it out, or prune attention and mlp")
        },
        .integer(
          "round_to", \.roundTo, 1...1_000_000,
          """
          The number of channels of every MLP is a multiple of this, which suits kernels and quantised formats. The model \
          still meets its target, and is at most one such step smaller.
          """
        ).late(),
        .flag(
          "same_size", \.sameSize,
          """
          Whether all layers keep the same number of KV groups and of channels, so that transformers and llama.cpp load \
          the model. The model still meets its target. It is smaller by at most one channel, or round_to, of all layers.
          """
        ).late().checked { stage, reader in stage.checkWidths(reader) },
        .flag(
          "record_scores", \.recordsScores,
          "Whether the run folder keeps each iteration's scores of all units."),
      ])
  }

  private func calibration(_ reader: ObjectReader, _ stage: StageReading) -> CalibrationSample? {
    guard let value = reader.object["calibration"] else {
      guard let needing = plugins.first(where: { !$0.statistics.isEmpty }) else { return nil }
      let wanted = needing.statistics.map(\.name).joined(separator: ", ")
      reader.problem(
        "calibration", "missing",
        expected: "calibration data, since \(needing.id) needs statistics (\(wanted))")
      return nil
    }
    let place = reader.path.key("calibration")
    return CalibrationSample.read(value, at: place, CalibrationSample.fields, stage)
  }

  package func words(in round: StageRound) -> [String] {
    var lines = [
      "prunes \(families.map(\.rawValue).joined(separator: " and ")) to \(target.words) in "
        + "\(iterations) \(iterations == 1 ? "iteration" : "iterations")",
      "scores by " + criterion.words, "shares out by " + allocator.words,
    ]
    if sameSize { lines.append("keeps all layers at the same size") }
    if roundTo > 1 { lines.append("keeps channels in multiples of \(roundTo)") }
    if let compensator { lines.append("makes up for it by " + compensator.words) }
    if let sample = calibration { lines.append(sample.words + ", \(sample.batchSize) at a time") }
    return lines
  }

  package func inRound(_ round: StageRound) -> Self { with(\.target, target.inRound(round)) }

  package func aiming(at share: Double) -> Self? { target.aiming(at: share).map { with(\.target, $0) } }

  package var memoryAdvice: String { CalibrationSample.memoryAdvice }

  package func check(_ execution: StageExecution, _ check: WorkCheck, _ findings: inout WorkFindings) {
    if let sample = calibration { findings.read(sample, execution) }
    let pruning = findings.attempt(execution) {
      try Pruning(self, in: check.rehearsing.labelled(execution.label), sequences: [])
    }
    guard let pruning else { return }
    let isFirst = findings.sizes.isUntouched
    let before = findings.share
    var sizes = findings.sizes
    let reached: Void? = findings.attempt(execution) {
      try sizes.prune(
        self, label: execution.label,
        meetsGoal: pruning.allocator.meetsGoal && !sameSize && roundTo == 1, biases: pruning.costOfBiases)
    }
    findings.sizes = sizes
    if execution.round.time == 0 {
      findings.attempt(execution) { try pruning.rehearseScores() }
      if reached != nil || !isFirst {
        findings.attempt(execution) { try pruning.rehearseAllocation(isFirst: isFirst) }
      }
    }
    var counting = findings.counting
    counting.share = (before + findings.share) / 2
    let isWhole = families.contains(where: \.isWhole)
    let units = Int((before - findings.share) * Double(check.model.decoder.layerCount * families.count))
    let iterations = pruning.allocator.meetsGoal || !isWhole ? self.iterations : max(1, units)
    findings.need(
      counting.pruning(self, scratchFolder: check.rehearsing.scratchFolder, iterations: iterations),
      execution)
  }

  package func execute(in session: RunSession, _ context: StageContext) throws {
    try session.execute(self, in: context)
  }
}
