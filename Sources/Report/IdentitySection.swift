import RunRecords
import Wording

/// What was run: pipeline, model, seed, versions.
enum IdentitySection {
  static func section(_ files: RunFiles) -> Page.Section {
    Page.Section(
      id: "run", title: "What was run",
      content: [facts(files)] + stages(files) + modelFiles(files.run.model?.files ?? [])
        + plugins(files.run.plugins ?? []) + manifest(files))
  }

  private static func facts(_ files: RunFiles) -> Markup {
    let run = files.run
    var facts = FactList()
    facts.add("Pipeline", files.manifest.name)
    facts.add("Model", run.model?.path)
    facts.add("Seed", files.seed.map(String.init))
    facts.add("Threads", run.threads.map(String.init))
    facts.add("Tool", run.tool?.version.map { "\(run.tool?.name ?? "") \($0)" })
    facts.add("Started", run.started.map(moment))
    facts.add("Ended", run.finished.map { "\(moment($0)) (\(run.state?.rawValue ?? "unknown"))" })
    if let machine = run.machine {
      facts.add(
        "Machine",
        [
          machine.system, machine.processor, machine.cores.map { "\($0) cores" },
          machine.memoryBytes.map { HumanFormat.bytes($0) + " of memory" },
        ].compactMap(\.self).joined(separator: ", "))
    }
    return facts.markup
  }

  /// `2026-11-21T15:13:00.740Z` as `2026-11-21 15:13:00 UTC`; anything else as it stands.
  static func moment(_ text: String) -> String {
    let characters = Array(text)
    guard characters.count == 24, characters[10] == "T", characters[19] == ".", characters[23] == "Z" else {
      return text
    }
    return String(characters[..<10]) + " " + String(characters[11..<19]) + " UTC"
  }

  private static func stages(_ files: RunFiles) -> [Markup] {
    let stages = files.manifest.stages
    return stages.isEmpty ? [] : [.tag("h3", "Stages of the pipeline"), list(stages)]
  }

  private static func list(_ stages: [ManifestRecord.Stage]) -> Markup {
    .tag(
      "ol", [:],
      stages.map { stage in
        let title = stage.kind == stage.name ? stage.kind : "\(stage.kind) (\(stage.name))"
        return .tag(
          "li", [:],
          [.tag("strong", title), .text(words(of: stage).map { ": " + $0 } ?? "")]
            + (stage.inner.isEmpty ? [] : [list(stage.inner)]))
      })
  }

  /// What tells stages of a kind apart; the rest stands in the manifest below.
  private static func words(of stage: ManifestRecord.Stage) -> String? {
    let target = stage.target.flatMap(words)
    let words: [String?] =
      switch stage.kind {
      case "evaluate": stage.evaluators.map(\.id)
      case "prune":
        [
          stage.criterion.map { "scores by \($0)" }, stage.allocator.map { "shares by \($0)" },
          stage.compensator.map { "made up for by \($0)" }, target,
          stage.iterations.map { "\($0) iterations" },
        ]
      case "transform": [stage.transform.map { "the residual stream turned by \($0)" }, target]
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

  private static func modelFiles(_ files: [RunRecord.File]) -> [Markup] {
    guard !files.isEmpty else { return [] }
    var table = Table(
      caption: "The model's files", columns: [.init("File"), .init("Size", isNumber: true), .init("SHA-256")])
    for file in files {
      table.add([.text(file.name ?? ""), .text(file.bytes.map(HumanFormat.bytes) ?? ""), hash(file.sha256)])
    }
    return [table.markup]
  }

  private static func plugins(_ plugins: [RunRecord.Plugin]) -> [Markup] {
    guard !plugins.isEmpty else { return [] }
    var table = Table(
      caption: "Plugins, and the hashes of their libraries",
      columns: [.init("Plugin"), .init("Version"), .init("SHA-256")])
    for plugin in plugins {
      table.add([.text(plugin.id), .text(plugin.version), hash(plugin.sha256)])
    }
    return [table.markup]
  }

  /// The first digits, which tell files apart; all of them when pointed at.
  private static func hash(_ text: String?) -> Markup {
    guard let text else { return "" }
    return .tag("code", ["title": text], text.count > 16 ? text.prefix(16) + "…" : text)
  }

  private static func manifest(_ files: RunFiles) -> [Markup] {
    guard files.manifest.document.objectValue != nil else { return [] }
    return [
      .tag(
        "details", [:],
        [
          .tag("summary", "The manifest, with everything spelled out"),
          .tag("pre", ["tabindex": "0"], files.manifest.document.pretty),
        ])
    ]
  }
}
