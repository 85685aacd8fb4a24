import Wording

/// What the run took: time by stage, memory.
enum CostSection {
  static func section(_ files: RunFiles) -> Page.Section {
    let history = files.history
    let wasResumed = history.processes.count > 1
    var facts = FactList()
    if !history.processes.isEmpty {
      facts.add("Time at work", HumanFormat.duration(seconds: history.processes.reduce(0, +)))
    }
    if wasResumed {
      facts.add(
        "Processes", "\(history.processes.count): the run was resumed \(times(history.processes.count - 1))")
    }
    facts.add(
      "Memory at most",
      history.peakMemoryBytes.map { HumanFormat.bytes($0) + (wasResumed ? ", in the last process" : "") })
    var content: [Markup] = facts.facts.isEmpty ? [] : [facts.markup]
    if !history.stages.isEmpty { content.append(stages(history, wasResumed: wasResumed)) }
    content += sentences(history)
    return Page.Section(id: "cost", title: "Time and memory", content: content)
  }

  private static func times(_ count: Int) -> String { count == 1 ? "once" : "\(count) times" }

  private static func stages(_ history: History, wasResumed: Bool) -> Markup {
    let total = history.stages.compactMap(\.took).filter(\.isFinite).reduce(0, +)
    var table = Table(
      caption: "Time by stage"
        + (wasResumed ? "; of a stage that was resumed, what its last process took" : ""),
      columns: [.init("Stage"), .init("Time", isNumber: true), .init("Share")])
    for stage in history.stages {
      guard let took = stage.took, took.isFinite, took >= 0 else {
        table.add([.text(stage.label), "not finished"])
        continue
      }
      let share = total > 0 ? took / total : 0
      table.add([
        .text(stage.label), .text(HumanFormat.duration(seconds: took)),
        .tag(
          "span", [:],
          [
            .tag("span", ["class": "share", "style": "width: \(Coordinate.text(share * 10))rem"]),
            .text(HumanFormat.percent(share)),
          ]),
      ])
    }
    return table.markup
  }

  private static func sentences(_ history: History) -> [Markup] {
    let told = history.sentences.filter { $0.level != "debug" }
    guard !told.isEmpty else { return [] }
    let most = 200
    var table = Table(
      caption: "What plugins said"
        + (told.count > most ? "; the last \(most) of \(told.count) sentences" : ""),
      columns: [.init("Plugin"), .init("Level"), .init("Sentence")])
    for sentence in told.suffix(most) {
      table.add([.text(sentence.plugin), .text(sentence.level), .text(sentence.text)])
    }
    return [table.markup]
  }
}
