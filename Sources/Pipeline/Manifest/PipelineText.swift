import JSON
import PluginRuntime
import Wording

/// A pipeline in words, as `validate` prints it.
public enum PipelineText {
  public static func description(of manifest: Manifest) -> String {
    let title = manifest.name + (manifest.description.isEmpty ? "" : ": " + manifest.description) + "\n\n"
    var table = TextTable([.init("#", .right), .init("stage"), .init("does")])
    for (index, execution) in manifest.executions.enumerated() {
      for (line, words) in lines(of: execution).enumerated() {
        table.add(line == 0 ? ["\(index + 1)", execution.label, words] : ["", "", words])
      }
    }
    return title + table.plain + "\nseed \(manifest.seed)\n"
  }

  private static func lines(of execution: StageExecution) -> [String] {
    switch execution.work {
    case .evaluate(let stage): return stage.evaluators.map { "measures " + words(for: $0) }
    case .save(let stage):
      let type = stage.type == .auto ? "in its source's type" : "as \(stage.type.rawValue)"
      return ["saves the model \(type) in \(stage.directory)"]
    case .train(let stage): return lines(of: stage, round: execution.time, of: execution.times)
    case .prune(let stage):
      var lines = [
        "prunes \(stage.families.map(\.rawValue).joined(separator: " and ")) to \(words(for: stage.target)) in "
          + "\(stage.iterations) \(stage.iterations == 1 ? "iteration" : "iterations")",
        "scores by " + words(for: stage.criterion),
        "shares out by " + words(for: stage.allocator),
      ]
      if stage.sameSize { lines.append("keeps all layers at the same size") }
      if stage.roundTo > 1 { lines.append("keeps channels in multiples of \(stage.roundTo)") }
      if let compensator = stage.compensator { lines.append("makes up for it by " + words(for: compensator)) }
      if case .sample(let sample) = stage.calibration {
        lines.append(words(for: sample) + ", \(sample.batchSize) at a time")
      }
      return lines
    case .transform(let stage):
      return [
        "slices the residual stream" + (stage.target.map { " to " + words(for: $0) } ?? ""),
        "turns it by " + words(for: stage.transform), words(for: stage.calibration),
      ]
    }
  }

  private static func words(for sample: CalibrationSample) -> String {
    "calibrates on \(sample.sequences) × \(sample.length) tokens of \(sample.data.path)"
  }

  private static func lines(of stage: TrainStage, round: Int, of rounds: Int) -> [String] {
    let what =
      switch stage.recovery {
      case .full: "all parameters"
      case .normsAndBiases: "norms and biases"
      case .lowRank(let rank, _, let targets):
        "adapters of rank \(rank) on \(targets.joined(separator: ", "))"
      case .distill: "all parameters, taught by the original model"
      }
    let steps = stage.steps(round: round, of: rounds)
    let rows = stage.batchSize * stage.accumulation
    return [
      "trains \(what) for \(HumanFormat.grouped(steps)) steps of \(rows) × \(stage.length) tokens",
      "reads " + stage.data.map(\.path).joined(separator: ", "),
      "AdamW at \(HumanFormat.scientific(stage.optimizer.learningRate)), schedule \(stage.schedule.kind.rawValue) over "
        + "\(HumanFormat.grouped(stage.steps)) steps",
    ]
  }

  private static func words(for plugin: PluginUse) -> String {
    let options = plugin.options.members.map { member in
      if let source = plugin.data[member.key] { return "\(member.key)=\(source.path)" }
      return "\(member.key)=\(member.value.stringValue ?? member.value.compact)"
    }
    return plugin.id + (options.isEmpty ? "" : " (\(options.joined(separator: ", ")))")
  }

  private static func words(for target: Target) -> String {
    let measure = target.measure == .macs ? "multiply-accumulates a token" : "parameters"
    switch target.amount {
    case .count(let count): return "\(HumanFormat.grouped(count)) \(measure)"
    case .fraction(let share, let base):
      let whole = base == .original ? "the original" : "the current"
      return "\(HumanFormat.percent(share)) of \(whole) \(measure)"
    }
  }
}

extension ManifestProblem {
  public var json: JSONValue {
    [
      "source": .string(source), "path": .string(path), "found": .string(found),
      "expected": .string(expected), "advice": .string(advice),
    ]
  }
}
