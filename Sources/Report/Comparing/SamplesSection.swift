/// How the models go on with the same texts, beside each other.
enum SamplesSection {
  static func section(_ comparison: Comparison) -> Page.Section {
    let samples = comparison.record.samples
    let prompts = Iteration.inOrder(samples.map(\.prompt))
    let content = prompts.flatMap { prompt -> [Markup] in
      let cards = samples.filter { $0.prompt == prompt }.map { sample in
        Markup.tag(
          "div", [:],
          [
            .tag("h4", name(of: sample, comparison)),
            .tag("p", sample.text.isEmpty ? "(nothing)" : sample.text),
          ])
      }
      return [.tag("h3", "“\(prompt)”"), .tag("div", ["class": "samples"], cards)]
    }
    return Page.Section(
      id: "samples", title: "Samples",
      content: content.isEmpty
        ? [] : [.tag("p", "The likeliest token each time, from the same beginnings.")] + content)
  }

  private static func name(of sample: ComparisonRecord.Sample, _ comparison: Comparison) -> String {
    guard let run = sample.run else { return "dense" }
    guard let setting = comparison.settings.first(where: { $0.runs.contains { $0.folder == run } }) else {
      return run
    }
    let seed = setting.runs.first { $0.folder == run }?.seed
    return setting.name + (setting.runs.count > 1 ? seed.map { ", seed \($0)" } ?? "" : "")
  }
}
