import Foundation
import JSON
import PluginRuntime
import Testing

/// What can be known of a run's failure is told before anything is done: no run folder, no advice to resume.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct BeforeWorkTests {
  private let scratch = Scratch()

  /// Two layers of three KV groups and 48 channels, which read text.
  private func model() throws -> String {
    let model = try SmallModel(.llama, seed: 9, vocabulary: 1110, hidden: 16, intermediate: 48).write()
    let place = scratch.url.appendingPathComponent("source")
    try FileManager.default.moveItem(at: model, to: place)
    try FileManager.default.copyItem(
      at: Support.package.appendingPathComponent("Tests/Fixtures/tokenizers/gpt2-like.tokenizer.json"),
      to: place.appendingPathComponent("tokenizer.json"))
    return place.path
  }

  private func writeData() throws {
    try scratch.writeIDs(8, length: 16, to: "ids.json")
    try scratch.write("[[1, 2, 3, 5000]]", to: "foreign.json")
    try scratch.write(
      Data("Some text, and then ".utf8) + [0xFF, 0xFE] + Data(" more of it.".utf8), to: "latin.txt")
    try scratch.write("Four words of text.", to: "short.txt")
    try scratch.write("", to: "empty.txt")
    try scratch.write(
      "{\"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}\n", to: "chat.jsonl")
  }

  private static let perplexity = evaluator("ids.json")

  private static func evaluator(_ data: String, name: String? = nil) -> String {
    let name = name.map { ", \"name\": \"\($0)\"" } ?? ""
    return """
      {"id": "adapt-pruner.perplexity", "options": {"data": {"path": "\(data)"\(name)}, "window": 8}}
      """
  }

  private static func evaluate(_ evaluators: String...) -> String {
    "{\"stage\": \"evaluate\", \"evaluators\": [\(evaluators.joined(separator: ", "))]}"
  }

  private static func prune(
    _ criterion: String = "magnitude", _ allocator: String = "uniform", _ options: String = "{}",
    target: String = "0.9", _ more: String = ""
  ) -> String {
    """
    {"stage": "prune", "criterion": "adapt-pruner.\(criterion)", "iterations": 1,
     "allocator": {"id": "adapt-pruner.\(allocator)", "options": \(options)}, "target": \(target)\(more)}
    """
  }

  private static let calibration =
    ", \"calibration\": {\"data\": \"ids.json\", \"sequences\": 4, \"length\": 16}"

  private static func calibration(_ data: String, sequences: Int = 2) -> String {
    ", \"calibration\": {\"data\": \"\(data)\", \"sequences\": \(sequences), \"length\": 16}"
  }

  private static func train(_ data: String, _ more: String = "") -> String {
    "{\"stage\": \"train\", \"data\": [\(data)], \"steps\": 2, \"length\": 16\(more)}"
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let stages: [String]
    let sentence: String
    var testDescription: String { sentence }

    init(_ sentence: String, _ stages: String...) {
      self.stages = stages
      self.sentence = sentence
    }
  }

  static let cases = [
    // Layers that the model does not have, in the options of the first stage that prunes and of a later one.
    Case("the model has 2 layers", prune("magnitude", "block-wise")),
    Case("protect names layer 7, the model has 2", prune("magnitude", "uniform", "{\"protect\": [7]}")),
    Case(
      "the model has 2 layers", prune(), train("\"short.txt\""),
      prune("magnitude", "block-wise", target: "0.8")),
    // Targets.
    Case("is out of reach", prune(target: "0.01")),
    Case("is out of reach", prune(target: "{\"macs\": 0.01}")),
    Case("is not below the", prune(target: "1.0")),
    Case("that the stages before it leave at most", prune(target: "0.8"), prune(target: "0.9")),
    Case("is out of reach", prune(target: "0.9"), prune(target: "0.01")),
    Case("cannot be reached", prune("magnitude", "uniform", "{\"protect_first\": 2}")),
    Case(
      "is out of reach",
      """
      {"stage": "transform", "transform": "adapt-pruner.slicegpt", "target": 0.0001,
       "calibration": {"data": "ids.json", "sequences": 2, "length": 16}}
      """),
    // Families and statistics.
    Case("needs the statistic \"block_cosine\"", prune("block-influence", "uniform", "{}", calibration)),
    Case(
      "has no output projection",
      prune("flap", "one-by-one", "{}", calibration + ", \"families\": [\"layer\"]")),
    Case("whole sublayers or layers", prune("magnitude", "uniform", "{}", ", \"families\": [\"mlp_block\"]")),
    Case(
      "no unit is left that may leave",
      prune("magnitude", "one-by-one", "{\"exclude_first\": 1}", ", \"families\": [\"layer\"]")),
    // Data.
    Case(
      "sequences of 16 tokens need", prune("taylor", "uniform", "{}", calibration("short.txt", sequences: 90))
    ),
    Case("are asked for", prune("taylor", "uniform", "{}", calibration("ids.json", sequences: 9))),
    Case("is not UTF-8 text", prune("taylor", "uniform", "{}", calibration("latin.txt"))),
    Case("is not UTF-8 text", train("\"latin.txt\"")),
    Case("is not UTF-8 text", prune(), evaluate(evaluator("latin.txt"))),
    Case("has no text", prune(), evaluate(evaluator("empty.txt"))),
    Case("5000 is no token id", prune(), evaluate(evaluator("foreign.json"))),
    Case("has no chat template", train("{\"path\": \"chat.jsonl\", \"format\": \"chat\"}")),
    // Names.
    Case(
      "evaluators[0] and evaluators[1] both answer a metric \"same.mean_nll@8\"",
      evaluate(evaluator("ids.json", name: "same"), evaluator("short.txt", name: "same"))),
    // Memory.
    Case(
      "more than can be addressed",
      train("\"short.txt\"", ", \"batch_size\": 100000").replacing("16", with: "1000000")),
    Case(
      "GB of memory, and", train("\"short.txt\"", ", \"batch_size\": 2000").replacing("16", with: "1000000")),
  ]

  @Test(
    "what is known of the model's size, the data and the plugins is told before the first evaluation",
    arguments: cases)
  func refused(_ wanted: Case) throws {
    let model = try model()
    try writeData()
    let stages = [Self.evaluate(Self.perplexity)] + wanted.stages
    let pipeline = try scratch.write(
      "{\"stages\": [\(stages.joined(separator: ",\n"))]}", to: "pipeline.json")
    let answer = try Program.call(
      ["run", pipeline, "--model", model, "--output", scratch.path("run"), "--threads", "1"], in: scratch)
    #expect(answer.code == 1)
    #expect(answer.error.contains(wanted.sentence), "\(answer.error)")
    #expect(answer.error.contains("adapt-pruner: stage "), "\(answer.error)")
    #expect(!answer.error.contains("resume"), "\(answer.error)")
    #expect(!scratch.exists("run"))

    let validated = try Program.call(
      ["validate", pipeline, "--model", model, "--json", "--quiet", "--threads", "1"], in: scratch)
    #expect(validated.code == 1)
    let problems = try JSONValue(parsing: validated.output)["problems"]?.arrayValue ?? []
    #expect(
      problems.contains { $0["found"]?.stringValue?.contains(wanted.sentence) == true }, "\(validated.output)"
    )
    #expect(
      problems.allSatisfy { $0["path"]?.stringValue?.hasPrefix("stages[") == true }, "\(validated.output)")
  }

  @Test("a pipeline that can run is validated with about what it takes, and makes nothing")
  func estimate() throws {
    let model = try model()
    try writeData()
    let tokens = try scratch.writeTokens(8, length: 20)
    let pipeline = try scratch.write(
      """
      {"stages": [\(Self.evaluate(Self.perplexity)), \(Self.prune("taylor", "uniform", "{}", Self.calibration)),
       \(Self.train("\"\(tokens)\"")), {"stage": "save"}]}
      """, to: "pipeline.json")
    let before = try FileManager.default.subpathsOfDirectory(atPath: scratch.url.path).filter {
      !$0.hasPrefix("plug")
    }
    let answer = try Program.call(
      ["validate", pipeline, "--model", model, "--output", scratch.path("run"), "--json", "--quiet"],
      in: scratch)
    #expect(answer.code == 0, "\(answer.error)")
    let report = try JSONValue(parsing: answer.output)
    #expect(report["valid"] == true)
    let stages = try #require(report["estimate"]?["stages"]?.arrayValue)
    #expect(stages.map { $0["stage"]?.stringValue } == ["evaluate", "prune", "train", "save"])
    // Each of the parameters that change has a value, a gradient and two moments in float32.
    let inspected = try JSONValue(parsing: Program.call(["inspect", model, "--json"], in: scratch).output)
    let parameters = try #require(inspected["parameters"]?.integerValue)
    let memory = stages.compactMap { $0["memory_bytes"]?.integerValue }
    #expect(memory.count == 4 && memory[2] - memory[3] > 16 * parameters, "\(memory)")
    #expect(!scratch.exists("run"))
    let after = try FileManager.default.subpathsOfDirectory(atPath: scratch.url.path)
    #expect(
      Set(before).isSubset(of: after) && !after.contains { $0.hasSuffix(".jsonl") && $0 != "chat.jsonl" })
    let text = try Program.call(["validate", pipeline, "--model", model, "--quiet"], in: scratch)
    #expect(text.output.contains("\na run takes about "), "\(text.output)")
  }

  @Test("the output folder is looked at before the run")
  func output() throws {
    let pipeline = try scratch.write("{\"stages\": [{\"stage\": \"save\"}]}", to: "pipeline.json")
    try scratch.write("mine", to: "full/file")
    let answer = try Program.call(["validate", pipeline, "--output", scratch.path("full")], in: scratch)
    #expect(answer.code == 1)
    #expect(answer.error.contains("is not empty"), "\(answer.error)")
    try scratch.write("a file", to: "file")
    let under = try Program.call(["validate", pipeline, "--output", scratch.path("file/run")], in: scratch)
    #expect(under.code == 1)
    #expect(under.error.contains("is a file"), "\(under.error)")
  }

  @Test("a failure that would come again is not said to be resumable")
  func recurring() throws {
    let model = try model()
    // Nothing leaves a protected layer, and the published rule does not look at the goal.
    let pipeline = try scratch.write(
      """
      {"stages": [\(Self.prune("magnitude", "uniform", "{\"budget\": \"published\", \"protect_first\": 2}"))]}
      """, to: "pipeline.json")
    let answer = try Program.call(
      ["run", pipeline, "--model", model, "--output", scratch.path("run"), "--threads", "1"], in: scratch)
    #expect(answer.code == 1)
    #expect(answer.error.contains("removed nothing"), "\(answer.error)")
    #expect(!answer.error.contains("resume"), "\(answer.error)")
  }

  @Test("a comparison says which runs cannot be carried out before the first, and makes nothing if none can")
  func comparison() throws {
    let model = try model()
    try writeData()
    let good = try scratch.write(
      "{\"stages\": [\(Self.evaluate(Self.perplexity)), \(Self.prune())]}", to: "good.json")
    let bad = try scratch.write(
      "{\"stages\": [\(Self.evaluate(Self.perplexity)), \(Self.prune("magnitude", "block-wise"))]}",
      to: "bad.json")
    func compare(_ pipelines: String...) throws -> Program.Answer {
      try Program.call(
        ["compare"] + pipelines + [
          "--model", model, "--output", scratch.path("out"), "--threads", "1", "--sample-tokens", "0",
        ], in: scratch)
    }
    let none = try compare(bad)
    #expect(none.code == 1)
    #expect(none.error.contains("the model has 2 layers"), "\(none.error)")
    #expect(!scratch.exists("out"))
    let some = try compare(bad, good)
    #expect(some.code == 1)
    let told = try #require(some.error.range(of: "bad cannot be carried out: stage prune"), "\(some.error)")
    let began = try #require(some.error.range(of: "run 1 of 3"), "\(some.error)")
    #expect(told.lowerBound < began.lowerBound)
    #expect(!scratch.exists("out/runs/bad"))
    #expect(scratch.exists("out/runs/good/metrics.json"))
  }

  @Test("memory that OpenBLAS would wait for without end is asked for first")
  func addressSpace() throws {
    let model = try model()
    try writeData()
    let answer = try Program.call(
      [
        "evaluate", model, "--evaluator", "adapt-pruner.perplexity:data=\(scratch.path("ids.json")),window=8",
        "--threads", "64", "--quiet",
      ], in: scratch, shell: "ulimit -v 3000000")
    #expect(answer.code == 1, "\(answer.error)")
    #expect(answer.error.contains("raise the limit (ulimit -v), or lower --threads"), "\(answer.error)")
  }
}
