import RunRecords
import Wording

/// What was run: pipeline, model, seed, versions.
enum IdentitySection {
  static func section(_ files: RecordedRun) -> Page.Section {
    let stages = files.manifest.stages
    return Page.Section(
      id: "run", title: "What was run",
      content: [facts(files)] + (stages.isEmpty ? [] : [.tag("h3", "Stages of the pipeline"), list(stages)])
        + Markup.tables(
          "The model's files", files.run.model?.files ?? [],
          [
            .text("File") { $0.name }, .number("Size") { $0.bytes.map(HumanFormat.bytes) },
            .markup("SHA-256") { hash($0.sha256) },
          ])
        + Markup.tables(
          "Plugins, and the hashes of their libraries", files.run.plugins ?? [],
          [
            .text("Plugin") { $0.id }, .text("Version") { $0.version },
            .markup("SHA-256") { hash($0.sha256) },
          ])
        + manifest(files))
  }

  private static func facts(_ files: RecordedRun) -> Markup {
    let run = files.run
    let machine = run.machine.map { machine in
      [
        machine.system, machine.processor, machine.cores.map { "\($0) cores" },
        machine.memoryBytes.map { HumanFormat.bytes($0) + " of memory" },
      ].compactMap(\.self).joined(separator: ", ")
    }
    return .facts([
      ("Pipeline", files.manifest.name), ("Model", run.model?.path), ("Seed", files.seed.map(String.init)),
      ("Threads", run.threads.map(String.init)),
      ("Tool", run.tool?.version.map { "\(run.tool?.name ?? "") \($0)" }),
      ("Started", run.started.map(moment)),
      ("Ended", run.finished.map { "\(moment($0)) (\(run.state?.rawValue ?? "unknown"))" }),
      ("Machine", machine),
    ])
  }

  /// Returns `2026-11-21T15:13:00.740Z` as `2026-11-21 15:13:00 UTC`, and anything else as it stands.
  static func moment(_ text: String) -> String {
    let characters = Array(text)
    guard characters.count == 24, characters[10] == "T", characters[19] == ".", characters[23] == "Z" else {
      return text
    }
    return String(characters[..<10]) + " " + String(characters[11..<19]) + " UTC"
  }

  private static func list(_ stages: [ManifestRecord.Stage]) -> Markup {
    .tag(
      "ol",
      stages.map { stage in
        let title = stage.kind == stage.name ? stage.kind : "\(stage.kind) (\(stage.name))"
        return .tag(
          "li",
          [.tag("strong", title), .text(words(of: stage).map { ": " + $0 } ?? "")]
            + (stage.inner.isEmpty ? [] : [list(stage.inner)]))
      })
  }

  /// What differs between stages of a kind. The manifest below has the rest.
  private static func words(of stage: ManifestRecord.Stage) -> String? {
    let target = stage.target.flatMap(words)
    let words: [String?] =
      switch stage.kind {
      case "evaluate": stage.evaluators.map(\.id)
      case "prune":
        [
          stage.plugin("criterion").map { "scores by \($0)" },
          stage.plugin("allocator").map { "shares by \($0)" },
          stage.plugin("compensator").map { "made up for by \($0)" }, target,
          stage.iterations.map { "\($0) iterations" },
        ]
      case "transform": [stage.plugin("transform").map { "the residual stream turned by \($0)" }, target]
      case "train":
        [
          stage.recovery, stage.steps.map { "\($0) steps" },
          stage.learningRate.map { "learning rate \(HumanFormat.measured($0))" },
          stage.schedule.map { "schedule \($0)" },
        ]
      case "save": [stage.type, stage.directory]
      case "repeat": [stage.times.map { "\($0) times" }]
      default: []
      }
    let known = words.compactMap(\.self)
    return known.isEmpty ? nil : known.joined(separator: ", ")
  }

  /// `to 80.0% of the original parameters`, `to 1,000,000 parameters`.
  static func words(of target: ManifestRecord.Target) -> String? {
    for (amount, name) in [
      (target.parameters, "parameters"), (target.macs, "multiply-accumulates a token"),
    ] {
      switch amount {
      case .count(let count): return "to \(HumanFormat.grouped(count)) \(name)"
      case .share(let share):
        return "to \(HumanFormat.percent(share)) of the \(target.base ?? "original") \(name)"
      case nil: continue
      }
    }
    return nil
  }

  /// The first digits, which tell files apart. All of them are shown when pointed at.
  private static func hash(_ text: String?) -> Markup? {
    text.map { .tag("code", ["title": $0], $0.count > 16 ? $0.prefix(16) + "…" : $0) }
  }

  private static func manifest(_ files: RecordedRun) -> [Markup] {
    guard files.manifest.document.objectValue != nil else { return [] }
    let text = Markup.tag("pre", ["tabindex": "0"], files.manifest.document.pretty)
    return [.folded("The manifest, with everything spelled out", [text])]
  }
}
