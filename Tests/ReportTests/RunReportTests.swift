import Foundation
import Report
import Testing

/// Pages of the run in Tests/Fixtures/report-run, whose numbers were written by hand.
@Suite("The page about a run")
struct RunReportTests {
  let run: RunCopy

  init() throws { run = try RunCopy() }

  private func page() throws -> Parsed {
    let parsed = Parsed(try RunReport.page(of: run.path).html)
    #expect(parsed.error == nil)
    return parsed
  }

  /// The cells of a table's body, row by row.
  private func rows(_ parsed: Parsed, table caption: String) throws -> [[String]] {
    var rows: [[String]] = []
    var isWanted = false
    for element in parsed.elements {
      if element.name == "caption" { isWanted = element.text.hasPrefix(caption) }
      guard isWanted else { continue }
      if element.name == "tr" { rows.append([]) }
      if element.name == "th" || element.name == "td", !rows.isEmpty {
        rows[rows.count - 1].append(element.text)
      }
    }
    return Array(rows.dropFirst())
  }

  @Test("it says what was run")
  func identity() throws {
    let parsed = try page()
    let facts = Dictionary(
      zip(parsed.texts(of: "dt"), parsed.texts(of: "dd")), uniquingKeysWith: { first, _ in first })
    #expect(facts["Seed"] == "7")
    #expect(facts["Threads"] == "2")
    #expect(facts["Tool"] == "adapt-pruner 0.1.0")
    #expect(facts["Started"] == "2026-01-02 03:04:05 UTC")
    #expect(facts["Ended"] == "2026-01-02 03:05:05 UTC (finished)")
    #expect(facts["Machine"] == "Debian GNU/Linux 12, x86_64, 2 cores, 8.0 GB of memory")
    #expect(
      try rows(parsed, table: "Plugins") == [["adapt-pruner.taylor", "1.0.0", "fedcba9876543210…"]])
    #expect(
      try rows(parsed, table: "The model's files") == [["weights.gguf", "2.5 MB", "0123456789abcdef…"]])
  }

  @Test("it has sizes and metrics after each stage, with standard errors to their second digit")
  func results() throws {
    #expect(
      try rows(try page(), table: "The model after each stage") == [
        ["before", "1,000,000", "100.0%", "900,000", "25.6 ± 1.9", "0.5"],
        ["prune.1", "750,000", "75.0%", "650,000", "", ""],
        ["train.1", "750,000", "75.0%", "650,000", "", ""],
        ["prune.2", "500,000", "50.0%", "400,000", "", ""],
        ["train.2", "500,000", "50.0%", "400,000", "", ""],
        ["after", "500,000", "50.0%", "400,000", "45.371 ± 0.073", "not finite"],
      ])
  }

  @Test("it opens with what came out, from the model as it came to the last that is known of it")
  func outcome() throws {
    try run.replace(
      "\"parameters\":1000000,\"macs_per_token\":900000}",
      by: "\"parameters\":1000000,\"macs_per_token\":900000,\"weight_bytes\":650000,"
        + "\"weight_type\":\"q4_1\"}",
      in: "events.jsonl")
    let line = """
      {"seconds":3.7,"event":"saved","stage":"after","path":"/x/model","directory":"model","weight_bytes":1000000,\
      "weight_type":"bfloat16","left_behind":[{"name":"README.md","reason":"it describes the source"},\
      {"name":"<i>x"}]}

      """
    try run.write(try run.read("events.jsonl") + line, to: "events.jsonl")
    let parsed = try page()
    #expect(
      parsed.texts(of: "h2").first == "Sizes and metrics" && parsed.texts(of: "h2").last == "What was run")
    let facts = Array(zip(parsed.texts(of: "dt"), parsed.texts(of: "dd")).prefix(5)).map { "\($0): \($1)" }
    #expect(
      facts == [
        "Parameters: 500,000 of 1,000,000, 50.0%",
        "Multiply-accumulates a token: 400,000 of 900,000, 44.4%",
        "Weights on disk: 650 kB, q4_1 → 1.0 MB, bfloat16",
        "text.token_perplexity@256: 25.6 ± 1.9 → 45.371 ± 0.073 (lower is better)",
        "<b>accuracy</b>: 0.5 → not finite (higher is better)",
      ])
    #expect(
      parsed.texts(of: "p").contains(
        "Saved in model: weights of 1.0 MB, bfloat16. Left behind of the source: "
          + "README.md (it describes the source), <i>x."))
    let table = try rows(parsed, table: "The model after each stage")
    #expect(table.map { $0[4] } == ["650 kB, q4_1", "", "", "", "", "1.0 MB, bfloat16"])
  }

  @Test("layer statistics are sums over mini-batches, and shown as means")
  func means() throws {
    for iteration in ["001", "002"] {
      try run.replace(
        "\"iteration\":", by: "\"mini_batches\": 4, \"iteration\":", in: "iterations/\(iteration).json")
    }
    let parsed = try page()
    #expect(
      try rows(parsed, table: "layer_cosine by layer") == [
        ["0", "0.0625", "0.125"], ["1", "not a number", "0.03125"],
      ])
    let places = parsed.elements.filter { $0.attributes["class"] == "hit" }.map(\.text)
    #expect(places.contains("layer 0, iteration 2: 0.125"))
  }

  @Test("final are the stages of a finished run that measured the model that it came to")
  func finalStages() throws {
    func final() throws -> [String: String] {
      let lines = try RunReport.text(of: run.path, as: .csv).split(separator: "\n").dropFirst()
      return Dictionary(
        lines.map { line in
          // The run's and the pipeline's names have commas or not: from the end on there are ten columns.
          let cells = line.split(separator: ",", omittingEmptySubsequences: false)
          return (String(cells[cells.count - 9]), String(cells[cells.count - 8]))
        }, uniquingKeysWith: { $1 })
    }
    #expect(try final() == ["before": "false", "after": "true"])
    try run.replace("\"finished\",", by: "\"interrupted\",", in: "run.json")
    #expect(try final() == ["before": "false", "after": "false"])
    try run.remove("manifest.json")
    #expect(try final() == ["before": "", "after": ""])
  }

  @Test("its curves have all rounds on one axis, and each step once")
  func curves() throws {
    let parsed = try page()
    let places = parsed.elements.filter { $0.attributes["class"] == "hit" }.map(\.text)
    #expect(
      places.filter { $0.hasPrefix("step ") && $0.contains(": loss") } == [
        "step 1 (train.1): loss 4", "step 2 (train.1): loss 3.5", "step 4 (train.1): loss 3",
        "step 5 (train.2): loss 6", "step 6 (train.2): loss 5.5", "step 7 (train.2): loss 5.25",
        "step 8 (train.2): loss 5",
      ])
    #expect(places.contains("step 7 (train.2): divergence 1.25"))
    #expect(places.contains("step 8 (train.2): learning rate 0.0002"))
    #expect(
      parsed.texts(of: "figcaption").contains {
        $0.contains("Not finite, and so not drawn, in 1 of 8 steps.")
      })
    #expect(
      try rows(parsed, table: "Training by round") == [
        ["train.1", "4", "128", "4", "3", "1", "0.25", "64"],
        ["train.2", "4", "128", "6", "5", "2", "1", "64"],
      ])
  }

  @Test("it shows kept units and statistics by layer and iteration, drawn and as tables")
  func layers() throws {
    let parsed = try page()
    let places = parsed.elements.filter { $0.attributes["class"] == "hit" }.map(\.text)
    #expect(places.contains("layer 1, iteration 1: 3 of 4 KV groups, 75.0%"))
    #expect(places.contains("layer 1, iteration 2: 2 of 8 channels, 25.0%"))
    #expect(places.contains("layer 0, iteration 2: 0.5"))
    #expect(try rows(parsed, table: "Kept KV groups by layer") == [["0", "4", "2"], ["1", "3", "1"]])
    #expect(try rows(parsed, table: "Kept channels by layer") == [["0", "6", "3"], ["1", "4", "2"]])
    #expect(
      try rows(parsed, table: "layer_cosine by layer") == [
        ["0", "0.25", "0.5"], ["1", "not a number", "0.125"],
      ])
  }

  @Test("it says what the run took, over all processes that worked on it")
  func cost() throws {
    let parsed = try page()
    let facts = Dictionary(
      zip(parsed.texts(of: "dt"), parsed.texts(of: "dd")), uniquingKeysWith: { first, _ in first })
    // 16.5 s in the first process, 3.75 s in the second.
    #expect(facts["Time at work"] == "20 s")
    #expect(facts["Processes"] == "2: the run was resumed once")
    #expect(facts["Memory at most"] == "1.5 GB, in the last process")
    // Of 18 s in all stages.
    #expect(
      try rows(parsed, table: "Time by stage") == [
        ["before", "2.5 s", "13.9%"], ["prune.1", "5.0 s", "27.8%"], ["train.1", "2.0 s", "11.1%"],
        ["prune.2", "5.0 s", "27.8%"], ["train.2", "1.0 s", "5.6%"], ["after", "2.5 s", "13.9%"],
      ])
    #expect(
      try rows(parsed, table: "What plugins said") == [
        ["adapt-pruner.taylor", "warning", "<i>one</i> score was 0"]
      ])
  }

  @Test("hostile names are text")
  func hostile() throws {
    let html = try RunReport.page(of: run.path).html
    #expect(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;co&#39;"))
    #expect(html.components(separatedBy: "<script").count == 2)
    let parsed = Parsed(html)
    #expect(!parsed.elements.contains { ["img", "b", "i"].contains($0.name) })
    #expect(!parsed.elements.contains { $0.attributes.keys.contains { $0.hasPrefix("on") } })
    #expect(parsed.texts(of: "h1").first?.hasPrefix("<script>alert(\"1\")</script> & 'co' in ") == true)
    #expect(parsed.texts(of: "th").contains("<b>accuracy</b>higher is better"))
  }

  @Test("it asks for nothing from outside of it")
  func selfContained() throws {
    let parsed = try page()
    #expect(!parsed.elements.isEmpty && !parsed.texts(of: "style").isEmpty)
    for element in parsed.elements {
      for name in ["src", "srcset", "href", "data", "action", "xlink:href"] {
        guard let value = element.attributes[name] else { continue }
        #expect(value.hasPrefix("#") || value.hasPrefix("data:"), "\(element.name) \(name)=\(value)")
      }
    }
    for style in parsed.texts(of: "style") { #expect(!style.contains("url(") && !style.contains("@import")) }
  }

  @Test("headings go down by one, and sections are reached from the top")
  func structure() throws {
    let parsed = try page()
    let levels = parsed.elements.compactMap {
      $0.name.count == 2 && $0.name.hasPrefix("h") ? Int($0.name.dropFirst()) : nil
    }
    #expect(levels.first == 1 && levels.count { $0 == 1 } == 1)
    #expect(zip(levels, levels.dropFirst()).allSatisfy { $1 <= $0 + 1 })
    let links = parsed.elements.filter { $0.name == "a" }.compactMap { $0.attributes["href"] }
    #expect(links == ["#results", "#training", "#layers", "#cost", "#run"])
    let identifiers = parsed.elements.compactMap { $0.attributes["id"] }
    #expect(Set(identifiers).count == identifiers.count)
    #expect(links.allSatisfy { identifiers.contains(String($0.dropFirst())) })
  }

  @Test("the same folder gives the same bytes")
  func deterministic() throws {
    #expect(try RunReport.page(of: run.path).html == RunReport.page(of: run.path).html)
  }

  @Test("a run under way is reported, and the page says so")
  func underWay() throws {
    try run.replace("\"finished\",", by: "\"running\",", in: "run.json")
    let events = try run.read("events.jsonl").split(separator: "\n")
    try run.write(events.prefix(9).joined(separator: "\n") + "\n{\"time\":\"2026", to: "events.jsonl")
    try run.remove("iterations/002.json")
    let parsed = try page()
    #expect(parsed.elements.contains { $0.attributes["class"] == "notice" && $0.text.contains("under way") })
    #expect(try rows(parsed, table: "Time by stage").last == ["train.1", "not finished", ""])
    #expect(
      try rows(parsed, table: "Training by round") == [["train.1", "2", "64", "4", "3.5", "1", "0.75", "64"]])
  }

  @Test("a failed run is reported with its reason")
  func failed() throws {
    try run.replace("\"finished\",", by: "\"failed\", \"reason\": \"no <space> left\",", in: "run.json")
    let notices = try page().elements.filter { $0.attributes["class"] == "notice" }
    #expect(
      notices.map(\.text) == ["This run failed: no <space> left. What follows is what it had done."])
  }

  @Test("a run that had only begun has a page")
  func begun() throws {
    for name in ["metrics.json", "events.jsonl", "iterations"] { try run.remove(name) }
    let parsed = try page()
    #expect(parsed.texts(of: "h2") == ["What was run"])
    #expect(parsed.elements.contains { $0.text == "events.jsonl is missing." })
  }

  @Test("a broken file is left out, and named")
  func broken() throws {
    try run.write("{\"evaluations\": [", to: "metrics.json")
    let notices = try page().elements.filter { $0.attributes["class"] == "notice" }.map(\.text)
    #expect(notices.count == 1)
    #expect(notices.first?.hasPrefix("metrics.json is left out, since it is not JSON: line 1, ") == true)
  }

  @Test("numbers that no run writes don't end the program")
  func absurd() throws {
    try run.replace("\"original_count\": 8", by: "\"original_count\": 0", in: "iterations/001.json")
    try run.replace("0.25}", by: "1e308}", in: "iterations/001.json")
    try run.replace("\"number\": 2", by: "\"number\": -9223372036854775808", in: "iterations/002.json")
    try run.replace("\"tokens\":32", by: "\"tokens\":9223372036854775807", in: "events.jsonl")
    try run.replace("\"step\":8,", by: "\"step\":-9223372036854775808,", in: "events.jsonl")
    try run.replace("\"took\":2.5", by: "\"took\":-1e300", in: "events.jsonl")
    try run.replace("\"loss\":4.0", by: "\"loss\":-1.7e308", in: "events.jsonl")
    try run.replace("\"loss\":5.0", by: "\"loss\":1.7e308", in: "events.jsonl")
    try run.replace("1000000", by: "-1", in: "metrics.json")
    _ = try page()
  }

  @Test("a folder without a run is refused in a sentence")
  func noRun() throws {
    for name in ["run.json", "manifest.json"] { try run.remove(name) }
    let error = #expect(throws: ReportError.self) { try RunReport.write(of: run.path) }
    #expect(error?.description.contains("holds no run that can be reported: run.json is missing.") == true)
    #expect(!FileManager.default.fileExists(atPath: run.path + "/report.html"))
  }

  @Test("the page is written into the folder, or where it is asked for")
  func places() throws {
    #expect(try RunReport.write(of: run.path) == run.path + "/report.html")
    let other = run.path + "/other.html"
    #expect(try RunReport.write(of: run.path, to: other) == other)
    #expect(try run.read("other.html") == run.read("report.html"))
    #expect(throws: ReportError.self) {
      try RunReport.write(of: run.path, to: run.path + "/no/such/folder.html")
    }
  }
}
