import RunRecords
import Wording

/// What the run took: time by stage, and memory.
enum CostSection {
  static func section(_ files: RecordedRun) -> Page.Section {
    let history = files.history
    let count = history.processes.count
    let wasResumed = count > 1
    let facts: [(String, String?)] = [
      ("Time at work", count > 0 ? HumanFormat.duration(seconds: history.processes.reduce(0, +)) : nil),
      (
        "Processes",
        wasResumed ? "\(count): the run was resumed \(count == 2 ? "once" : "\(count - 1) times")" : nil
      ),
      (
        "Memory at most",
        history.peakMemoryBytes.map { HumanFormat.bytes($0) + (wasResumed ? ", in the last process" : "") }
      ),
    ]
    return Page.Section(
      id: "cost", title: "Time and memory",
      content: (facts.contains { $0.1 != nil } ? [.facts(facts)] : [])
        + stages(history.stages, wasResumed: wasResumed)
        + sentences(history.sentences.filter { $0.level != "debug" }))
  }

  private static func stages(_ stages: [RunEvent], wasResumed: Bool) -> [Markup] {
    let total = stages.compactMap(\.took).filter(\.isFinite).reduce(0, +)
    func took(_ stage: RunEvent) -> Double? { stage.took.flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } }
    return Markup.tables(
      "Time by stage" + (wasResumed ? "; of a stage that was resumed, what its last process took" : ""),
      stages,
      [
        .text("Stage") { $0.label },
        .number("Time") { took($0).map { HumanFormat.duration(seconds: $0) } ?? "not finished" },
        .markup("Share") { stage in
          took(stage).map { seconds in
            let share = total > 0 ? seconds / total : 0
            let style = "width: \(Coordinate.text(share * 10))rem"
            return .tag(
              "span", [.tag("span", ["class": "share", "style": style]), .text(HumanFormat.percent(share))])
          }
        },
      ])
  }

  private static func sentences(_ all: [RunEvent]) -> [Markup] {
    let most = 200
    return Markup.tables(
      "What plugins said" + (all.count > most ? "; the last \(most) of \(all.count) sentences" : ""),
      all.suffix(most),
      [.text("Plugin") { $0.plugin }, .text("Level") { $0.level }, .text("Sentence") { $0.sentence }])
  }
}
