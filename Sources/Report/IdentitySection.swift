import JSON
import Wording

/// What was run: pipeline, model, seed, versions.
enum IdentitySection {
  static func section(_ files: RunFiles) -> Page.Section {
    Page.Section(
      id: "run", title: "What was run",
      content: [facts(files)] + stages(files) + modelFiles(files.run) + plugins(files.run) + manifest(files))
  }

  private static func facts(_ files: RunFiles) -> Markup {
    let run = files.run
    var facts = FactList()
    facts.add("Pipeline", files.manifest["name"]?.stringValue)
    facts.add("Model", run["model"]?["path"]?.stringValue)
    facts.add("Seed", (run["seed"] ?? files.manifest["seed"])?.integerValue.map(String.init))
    facts.add("Threads", run["threads"]?.integerValue.map(String.init))
    facts.add(
      "Tool",
      run["tool"]?["version"]?.stringValue.map { "\(run["tool"]?["name"]?.stringValue ?? "") \($0)" })
    facts.add("Started", moment(run["started"]))
    facts.add("Ended", moment(run["finished"]).map { "\($0) (\(run["state"]?.stringValue ?? "unknown"))" })
    if let machine = run["machine"] {
      facts.add(
        "Machine",
        [
          machine["system"]?.stringValue, machine["processor"]?.stringValue,
          machine["cores"]?.integerValue.map { "\($0) cores" },
          machine["memory_bytes"]?.integerValue.map { HumanFormat.bytes($0) + " of memory" },
        ].compactMap(\.self).joined(separator: ", "))
    }
    return facts.markup
  }

  /// `2026-11-21T15:13:00.740Z` as `2026-11-21 15:13:00 UTC`; anything else as it stands.
  static func moment(_ value: JSONValue?) -> String? {
    guard let text = value?.stringValue else { return nil }
    let characters = Array(text)
    guard characters.count == 24, characters[10] == "T", characters[19] == ".", characters[23] == "Z" else {
      return text
    }
    return String(characters[..<10]) + " " + String(characters[11..<19]) + " UTC"
  }

  private static func stages(_ files: RunFiles) -> [Markup] {
    let stages = PipelineStages.of(files.manifest)
    return stages.isEmpty ? [] : [.tag("h3", "Stages of the pipeline"), list(stages)]
  }

  private static func list(_ stages: [PipelineStages.Stage]) -> Markup {
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
  private static func words(of stage: PipelineStages.Stage) -> String? {
    let json = stage.json
    func plugin(_ key: String) -> String? { json[key]?["id"]?.stringValue }
    let words: [String?] =
      switch stage.kind {
      case "evaluate": (json["evaluators"]?.arrayValue ?? []).map { $0["id"]?.stringValue }
      case "prune":
        [
          plugin("criterion").map { "scores by \($0)" }, plugin("allocator").map { "shares by \($0)" },
          plugin("compensator").map { "made up for by \($0)" },
          json["target"].flatMap(words(ofTarget:)), json["iterations"].map { "\($0.compact) iterations" },
        ]
      case "transform":
        [
          plugin("transform").map { "the residual stream turned by \($0)" },
          json["target"].flatMap(words(ofTarget:)),
        ]
      case "train":
        [
          json["recovery"]?["kind"]?.stringValue, json["steps"].map { "\($0.compact) steps" },
          json["optimizer"]?["learning_rate"]?.numberValue.map {
            "learning rate \(HumanFormat.measured($0))"
          },
          json["schedule"]?["kind"]?.stringValue.map { "schedule \($0)" },
        ]
      case "save": [json["type"]?.stringValue, json["directory"]?.stringValue]
      case "repeat": [json["times"].map { "\($0.compact) times" }]
      default: []
      }
    let known = words.compactMap(\.self)
    return known.isEmpty ? nil : known.joined(separator: ", ")
  }

  /// `to 80.0% of the original parameters`, `to 1,000,000 parameters`.
  static func words(ofTarget target: JSONValue) -> String? {
    for (key, name) in [("parameters", "parameters"), ("macs", "multiply-accumulates a token")] {
      switch target[key] {
      case .integer(let count): return "to \(HumanFormat.grouped(count)) \(name)"
      case .number(let share):
        let base = target["of"]?.stringValue ?? "original"
        return "to \(HumanFormat.percent(share)) of the \(base) \(name)"
      default: continue
      }
    }
    return nil
  }

  private static func modelFiles(_ run: JSONValue) -> [Markup] {
    let files = run["model"]?["files"]?.arrayValue ?? []
    guard !files.isEmpty else { return [] }
    var table = Table(
      caption: "The model's files", columns: [.init("File"), .init("Size", isNumber: true), .init("SHA-256")])
    for file in files {
      table.add([
        .text(file["name"]?.stringValue ?? ""),
        .text(file["bytes"]?.integerValue.map(HumanFormat.bytes) ?? ""), hash(file["sha256"]),
      ])
    }
    return [table.markup]
  }

  private static func plugins(_ run: JSONValue) -> [Markup] {
    let plugins = run["plugins"]?.arrayValue ?? []
    guard !plugins.isEmpty else { return [] }
    var table = Table(
      caption: "Plugins, and the hashes of their libraries",
      columns: [.init("Plugin"), .init("Version"), .init("SHA-256")])
    for plugin in plugins {
      table.add([
        .text(plugin["id"]?.stringValue ?? ""), .text(plugin["version"]?.stringValue ?? ""),
        hash(plugin["sha256"]),
      ])
    }
    return [table.markup]
  }

  /// The first digits, which tell files apart; all of them when pointed at.
  private static func hash(_ value: JSONValue?) -> Markup {
    guard let text = value?.stringValue else { return "" }
    return .tag("code", ["title": text], text.count > 16 ? text.prefix(16) + "…" : text)
  }

  private static func manifest(_ files: RunFiles) -> [Markup] {
    guard files.manifest.objectValue != nil else { return [] }
    return [
      .tag(
        "details", [:],
        [
          .tag("summary", "The manifest, with everything spelled out"),
          .tag("pre", ["tabindex": "0"], files.manifest.pretty),
        ])
    ]
  }
}
