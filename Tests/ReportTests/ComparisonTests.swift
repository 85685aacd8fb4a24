import Foundation
import JSON
import Report
import Testing

/// Runs whose numbers were written by hand.
@Suite("Runs side by side")
struct ComparisonTests {
  let folder: ComparisonFolder
  private let easy = [3.0, 4, 5, 4]

  init() throws {
    folder = try ComparisonFolder()
    try folder.writeRun("dense", method: "dense", target: nil, items: easy, seconds: 3)
    // Each window is harder by the same half for one method; the other's differences have both signs.
    try folder.writeRun(
      "a-0.8", method: "a", target: 0.8, items: easy.map { $0 + 0.5 }, kept: [8, 4], spared: 2)
    try folder.writeRun("b-0.8", method: "b", target: 0.8, items: [3.5, 4.5, 5.5, 4.5], kept: [6, 6])
    try folder.writeRun("b-0.6", method: "b", target: 0.6, items: [9, 1, 10, 0], kept: [4, 4], seconds: 70)
    try folder.writeRecord(["dense", "b-0.6", "a-0.8", "b-0.8"])
  }

  private func comparison() throws -> Comparison { try Comparison(folder: folder.path) }

  private func pair(_ first: String, _ second: String, _ target: String) throws -> Comparison.Pair {
    let pairs = try comparison().pairs
    return try #require(
      pairs.first {
        $0.first.method == first && $0.second.method == second && $0.first.target?.label == target
      })
  }

  @Test("the unpruned model comes first, then method by method, larger targets first")
  func order() throws {
    let settings = try comparison().settings
    #expect(settings.map(\.name) == ["dense", "b, 80.0%", "b, 60.0%", "a, 80.0%"])
    #expect(settings.map(\.share) == [1, 0.8, 0.6, 0.8])
    #expect(try comparison().problems == [])
  }

  @Test("methods are paired at the same target, and each with the unpruned model")
  func pairs() throws {
    let found = try comparison().pairs.map { "\($0.first.name) − \($0.second.name)" }
    #expect(
      found == ["b, 80.0% − dense", "b, 60.0% − dense", "a, 80.0% − dense", "a, 80.0% − b, 80.0%"])
  }

  @Test("a difference that each item has is shown, and where the interval crosses zero none is")
  func verdicts() throws {
    let shown = try pair("a", "dense", "80.0%")
    let difference = try #require(shown.difference)
    #expect(difference.mean == 0.5 && difference.items == 4)
    #expect(shown.verdict == "dense is better")
    // 9 − 3, 1 − 4, 10 − 5, 0 − 4: the mean is 1.
    let unclear = try pair("b", "dense", "60.0%")
    #expect(unclear.difference?.mean == 1)
    #expect(unclear.verdict == "no difference shown")
    #expect(try pair("a", "b", "80.0%").verdict == "no difference shown")
  }

  @Test("a difference has the decimals that the second digit of its interval's width has")
  func decimals() {
    let some = PairedDifference(mean: 0.0348251, low: 0.00651, high: 0.0543, items: 9)
    #expect(ComparisonTables.words(some) == ("+0.035", "+0.007 to +0.054"))
    let large = PairedDifference(mean: -12.4, low: -40.2, high: 21, items: 9)
    #expect(ComparisonTables.words(large) == ("-12", "-40 to +21"))
    let constant = PairedDifference(mean: 0.5, low: 0.5, high: 0.5, items: 9)
    #expect(ComparisonTables.words(constant) == ("+0.5", "+0.5 to +0.5"))
  }

  @Test("runs that differ in their seed alone are one setting, and their seeds are drawn too")
  func seeds() throws {
    try folder.writeRun("a-2", method: "a", target: 0.8, seed: 2, items: easy.map { $0 + 1.5 })
    try folder.writeRun("b-2", method: "b", target: 0.8, seed: 2, items: easy.map { $0 - 0.5 })
    try folder.writeRecord(["dense", "a-0.8", "a-2", "b-0.8", "b-2"])
    let settings = try comparison().settings
    #expect(settings.map(\.runs.count) == [1, 2, 2])
    let measurement = try #require(try comparison().measurements.first)
    #expect(
      ComparisonTables.words((settings[1].values[measurement] ?? []).map(\.measured.metric)) == "5 (4.5–5.5)")
    // Seed 1 differs by 0, seed 2 by 2, whatever the items: of two seeds drawn both are alike half of the time.
    let difference = try #require(
      try comparison().pairs.first { $0.first.method == "b" && $0.second.method == "a" }?.difference)
    #expect(difference.mean == -1 && difference.low == -2 && difference.high == 0)
  }

  @Test("values of other data, options or models are not compared")
  func otherData() throws {
    try folder.writeRun("a-0.8", method: "a", target: 0.8, items: easy, data: "d2")
    #expect(try comparison().pairs.allSatisfy { $0.first.method != "a" })
    #expect(try comparison().measurements.count == 2)
    #expect(try comparison().problems.contains { $0.contains("was measured in 2 ways") })
    let names = try comparison().measurements.map { try comparison().name(of: $0) }
    #expect(names == ["text.mean_nll@4 [1]", "text.mean_nll@4 [2]"])
    try folder.writeRun("a-0.8", method: "a", target: 0.8, items: easy, model: "m2")
    #expect(try comparison().pairs.allSatisfy { $0.first.method != "a" })
    #expect(try comparison().problems.contains { $0.contains("different models") })
  }

  @Test("items that are not finite are not tested, and said so")
  func notFinite() throws {
    try folder.writeRun("a-0.8", method: "a", target: 0.8, items: [3, nil, 4, 5])
    let pair = try pair("a", "dense", "80.0%")
    #expect(pair.difference == nil && pair.verdict.hasPrefix("not tested"))
  }

  @Test("two runs alike in name, target and seed are told apart by their folders")
  func sameName() throws {
    try folder.writeRun("again", method: "a", target: 0.8, items: easy)
    try folder.writeRecord(["a-0.8", "again", "b-0.8"])
    #expect(try comparison().methods == ["a (a-0.8)", "a (again)", "b"])
  }

  @Test("without a run of the unpruned model its values are those that runs took before they pruned")
  func before() throws {
    let manifest = try String(contentsOfFile: folder.path + "/a-0.8/manifest.json", encoding: .utf8)
    let stages = "\"stages\": ["
    let evaluate = manifest.components(separatedBy: "}}, ")[1].dropLast(2).replacingOccurrences(
      of: "\"after\"", with: "\"before\"")
    try folder.write(
      manifest.replacingOccurrences(of: stages, with: stages + evaluate + ", "), to: "a-0.8/manifest.json")
    let metrics = try JSONValue(
      parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder.path + "/dense/metrics.json"))))
    let after = try JSONValue(
      parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder.path + "/a-0.8/metrics.json"))))
    var first = try #require(metrics["evaluations"]?.arrayValue?[0].objectValue)
    first["stage"] = "before"
    try folder.write(
      JSONValue.object([
        "evaluations": .array([.object(first)] + (after["evaluations"]?.arrayValue ?? []))
      ]).pretty, to: "a-0.8/metrics.json")
    try folder.writeRecord(["a-0.8"])
    let unpruned = try #require(try comparison().unpruned)
    #expect(unpruned.runs.isEmpty && unpruned.values.values.first?.first?.measured.metric.value == 4)
    #expect(try pair("a", "dense", "80.0%").difference?.mean == 0.5)
  }

  @Test("runs that were planned and never started are one sentence, without those that have failed")
  func planned() throws {
    let names = (1...9).map { "runs/c-\($0)" }
    try folder.writeRecord(
      ["dense", "a-0.8"] + names, more: ", \"failures\": [{\"run\": \"runs/c-1\", \"reason\": \"no memory\"}]"
    )
    try FileManager.default.createDirectory(
      atPath: folder.path + "/runs/c-2", withIntermediateDirectories: true)
    #expect(
      try comparison().problems == [
        "runs/c-1 failed: no memory",
        "8 planned runs have not started: runs/c-2, runs/c-3, runs/c-4, runs/c-5, runs/c-6, runs/c-7 "
          + "and 2 more.",
      ])
    let notices = Parsed(try ComparisonReport.page(of: folder.path).html).elements
      .filter { $0.attributes["class"] == "notice" }
    #expect(notices.count == 2)
  }

  @Test("what models take on the disk stands beside their parameters")
  func weights() throws {
    func event(_ name: String, _ bytes: Int, _ type: String) -> String {
      "{\"event\": \"\(name)\", \"stage\": \"save\", \"parameters\": 1000, "
        + "\"weight_bytes\": \(bytes), \"weight_type\": \"\(type)\"}\n"
    }
    for name in ["dense", "b-0.6", "a-0.8"] {
      try folder.write(
        event("run_started", 600, "q4_1") + event("saved", 1600, "bfloat16"), to: "\(name)/events.jsonl")
    }
    let markdown = try ComparisonReport.text(of: folder.path, as: .markdown)
    #expect(markdown.contains(" weights on disk |"))
    let rows = markdown.split(separator: "\n").filter { $0.contains("80.0%") || $0.contains("dense") }
    #expect(rows.first?.contains("600 bytes, q4_1") == true)
    #expect(rows.contains { $0.contains("| a ") && $0.contains("1.6 kB, bfloat16") })
  }

  @Test("a run that can't be read is left out and named; with none there is no comparison")
  func unreadable() throws {
    try folder.writeRecord(
      ["a-0.8", "gone"], more: ", \"failures\": [{\"run\": \"c\", \"reason\": \"the plugin gave NaN\"}]")
    #expect(try comparison().problems.contains { $0.hasPrefix("gone is left out: ") })
    #expect(try comparison().problems.contains("c failed: the plugin gave NaN"))
    try folder.writeRecord(["gone"])
    #expect(throws: ReportError.self) { try comparison() }
    try folder.write("{", to: "comparison.json")
    #expect(throws: ReportError.self) { try comparison() }
  }

  // MARK: - Page and other forms

  @Test("the page is well-formed, has a heading level after the other, and tells curves, shares and verdicts")
  func page() throws {
    try folder.writeRecord(
      ["dense", "a-0.8", "b-0.8", "b-0.6"],
      more: """
        , "samples": [{"run": null, "prompt": "<b>Once", "text": "upon", "maximum_tokens": 8},
        {"run": "a-0.8", "prompt": "<b>Once", "text": "a<i>", "maximum_tokens": 8}],
        "shared": {"calibration_passes_made": 1, "calibration_passes_spared": 3, "evaluations_made": 1,
        "evaluations_spared": 3, "seconds": 70, "seconds_spared": 30, "seconds_singly": 100}
        """)
    let parsed = Parsed(ComparisonReport.page(try comparison()).html)
    #expect(parsed.error == nil)
    #expect(!parsed.elements.contains { $0.name == "b" || $0.name == "i" })
    let levels = parsed.elements.compactMap {
      $0.name.count == 2 && $0.name.hasPrefix("h") ? Int($0.name.dropFirst()) : nil
    }
    #expect(zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 })
    let places = parsed.elements.filter { $0.attributes["class"]?.hasPrefix("hit") == true }
      .map { $0.attributes["title"] ?? $0.text }
    #expect(places.contains("parameters, % of the dense model 80: a 4.5, b 4.5"))
    #expect(places.contains("parameters, % of the dense model 100: a 4, b 4"))
    #expect(places.contains("layer 1, MLP, target 80.0%: 4 of 8 channels, 50.0%"))
    #expect(places.contains("layer 1: a, b 1.5"))
    #expect(parsed.texts(of: "td").contains("no difference shown"))
    #expect(parsed.texts(of: "h4") == ["dense", "a, 80.0%"])
    #expect(
      parsed.texts(of: "p").contains {
        $0.contains("1 calibration pass over the unpruned model in place of 3")
      })
    #expect(parsed.texts(of: "p").contains { $0.contains("took 0.70 of the time") })
    for element in parsed.elements {
      for name in ["src", "href"] {
        guard let value = element.attributes[name] else { continue }
        #expect(value.hasPrefix("#") || value.hasPrefix("data:"))
      }
    }
  }

  @Test("the same folder gives the same bytes")
  func deterministic() throws {
    #expect(try ComparisonReport.page(of: folder.path).html == ComparisonReport.page(of: folder.path).html)
  }

  @Test("as CSV it has a line for each metric of each run, as Markdown tables, as JSON everything")
  func forms() throws {
    let csv = try ComparisonReport.text(of: folder.path, as: .csv).split(separator: "\n")
    #expect(csv.count == 5)
    #expect(
      csv[0]
        == "run,method,target,seed,stage,is_final,parameters,share,macs_per_token,metric,value,standard_error,lower_is_better"
    )
    #expect(csv.contains("a-0.8,a,0.8,1,after,true,800,0.8,800,text.mean_nll@4,4.5,0.1,true"))
    let markdown = try ComparisonReport.text(of: folder.path, as: .markdown)
    #expect(markdown.contains("| a      |  80.0% |"))
    #expect(markdown.contains("dense is better"))
    let json = try JSONValue(parsing: try ComparisonReport.text(of: folder.path, as: .json))
    #expect(json["runs"]?.arrayValue?.count == 4)
    let difference = json["differences"]?.arrayValue?.first { $0["first"] == "a" && $0["second"] == "dense" }
    #expect(difference?["difference"] == 0.5 && difference?["is_shown"] == true)
    let terminal = try ComparisonReport.terminalText(of: folder.path)
    #expect(terminal.contains("no difference shown") && terminal.contains("1 min 10 s"))
  }

  @Test("a run has these forms too")
  func runForms() throws {
    let run = try RunCopy()
    let csv = try RunReport.text(of: run.path, as: .csv)
    #expect(csv.contains(",text.token_perplexity@256,45.37067940090471,0.0733,true\n"))
    // A quote is doubled, and what has one is quoted.
    #expect(csv.contains("\"<script>alert(\"\"1\"\")</script> & 'co'\""))
    let markdown = try RunReport.text(of: run.path, as: .markdown)
    #expect(markdown.contains("| after "))
    let json = try JSONValue(parsing: try RunReport.text(of: run.path, as: .json))
    #expect(json["original_parameters"] == 1_000_000 && json["manifest"] != nil)
    #expect(try RunReport.text(of: run.path, as: .html) == RunReport.page(of: run.path).html)
  }

  @Test("no form holds the hidden characters of a name", arguments: [ReportFormat.markdown, .csv, .html])
  func hiddenNames(format: ReportFormat) throws {
    let run = try RunCopy()
    try run.replace("<b>accuracy</b>", by: #"\u202eacc\u001b[2J\u200buracy"#, in: "metrics.json")
    let text = try RunReport.text(of: run.path, as: format)
    #expect(text.contains("uracy"))
    let hidden: Set<Unicode.Scalar> = ["\u{202E}", "\u{1B}"]
    #expect(!text.unicodeScalars.contains { hidden.contains($0) })
  }
}

@Suite("Axes of powers")
struct PowerTicksTests {
  @Test("marks are powers of ten around all values, with 2 and 5 between where there are few")
  func marks() {
    let few = Ticks(powersCovering: 25...390)
    #expect(few.values == [20, 50, 100, 200, 500])
    #expect(few.labels == ["20", "50", "100", "200", "500"])
    let many = Ticks(powersCovering: 25...6_377_642)
    #expect(many.values.first == 10 && many.values.last == 1e7)
    #expect(many.labels == ["10", "100", "1,000", "10,000", "10⁵", "10⁶", "10⁷"])
    let small = Ticks(powersCovering: 0.003...0.04)
    #expect(small.values.first == 0.002 && small.values.last == 0.05)
    #expect(Ticks(powersCovering: 1e-200...1e200).values.count <= 9)
    #expect(Ticks(powersCovering: 1e-308...1.7e308).values == [1, 10])
    #expect(Ticks(powersCovering: 10...10).values.count >= 2)
  }

  @Test("equal factors are equally far apart, and what has no logarithm is left out")
  func logarithmic() throws {
    let points = [LineChart.Point(1, 1), .init(2, 10), .init(3, 100), .init(4, 0)]
    let chart = LineChart.markup(
      title: "t", note: "", xName: "x", yName: "y", series: [.init("y", .curve(0), [points])],
      isLogarithmic: true)
    let html = try #require(chart).html
    // The axis spans 272…58: a power is half of it.
    #expect(html.contains("d=\"M84 272L355 165L626 58\""))
    #expect(html.components(separatedBy: "<circle").count == 4)
  }
}
