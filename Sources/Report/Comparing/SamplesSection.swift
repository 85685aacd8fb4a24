import RunRecords

/// What the models write after the same texts, beside each other.
enum SamplesSection {
  /// More samples than this are folded by target, so that neighbours are of one size.
  private static let fewSamples = 12

  static func section(_ comparison: Comparison) -> Page.Section {
    let content = comparison.record.samples.groups(by: \.prompt).flatMap { prompt, all in
      [.tag("h3", "“\(prompt)”")]
        + (all.count > fewSamples ? folded(all, comparison) : [cards(all, comparison)])
    }
    return Page.Section(
      id: "samples", title: "Samples",
      content: content.isEmpty
        ? [] : [.tag("p", "The likeliest token each time, from the same beginnings.")] + content)
  }

  private static func cards(_ samples: [ComparisonRecord.Sample], _ comparison: Comparison) -> Markup {
    .tag(
      "div", ["class": "samples"],
      samples.map { sample in
        .tag(
          "div",
          [
            .tag("h4", name(of: sample, comparison)),
            .tag("p", sample.text.isEmpty ? "(nothing)" : sample.text),
          ])
      })
  }

  /// The dense model's samples, then those of each target. The first target is open.
  private static func folded(_ samples: [ComparisonRecord.Sample], _ comparison: Comparison) -> [Markup] {
    func target(_ sample: ComparisonRecord.Sample) -> String {
      guard let run = sample.run else { return "" }
      return comparison.runs.first { $0.folder == run }?.target?.label ?? "no target"
    }
    return samples.groups(by: target).enumerated().map { index, group in
      let cards = cards(group.elements, comparison)
      if group.key.isEmpty { return cards }
      return .folded("At \(group.key): \(group.elements.count) models", [cards], isOpen: index <= 1)
    }
  }

  private static func name(of sample: ComparisonRecord.Sample, _ comparison: Comparison) -> String {
    guard let run = sample.run else { return Comparison.Setting.unprunedName }
    guard let setting = comparison.settings.first(where: { $0.runs.contains { $0.folder == run } }) else {
      return run
    }
    let seed = setting.runs.first { $0.folder == run }?.seed
    return setting.name + (setting.runs.count > 1 ? seed.map { ", seed \($0)" } ?? "" : "")
  }
}
