import Checkpoints
import Foundation
import JSON
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Weights that are no numbers are named before anything is done with them; a perplexity that is too large for a number
/// ends nothing.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct NonFiniteTests {
  private let scratch = Scratch()
  private let ids: String

  init() throws { ids = try scratch.writeIDs(24, length: 24) }

  private func place(_ model: SmallModel, _ name: String = "source") throws -> String {
    let made = try model.write()
    try FileManager.default.moveItem(at: made, to: scratch.url.appendingPathComponent(name))
    return scratch.path(name)
  }

  private func evaluate(_ name: JSONValue) -> JSONValue {
    [
      "stage": "evaluate", "name": name,
      "evaluators": [
        [
          "id": "adapt-pruner.perplexity",
          "options": ["data": ["path": .string(ids), "format": "ids"], "window": 24],
        ]
      ],
    ]
  }

  private func pipeline(_ name: String, seed: Int = 1, _ stages: [JSONValue]) throws -> String {
    let manifest: JSONValue = ["name": .string(name), "seed": .integer(seed), "stages": .array(stages)]
    return try scratch.write(manifest.pretty, to: "\(name).json")
  }

  private let prune: JSONValue = [
    "stage": "prune", "criterion": "adapt-pruner.random", "allocator": "adapt-pruner.uniform", "target": 0.9,
  ]

  private func call(_ arguments: [String]) throws -> Program.Answer {
    try Program.call(arguments, in: scratch)
  }

  /// Logits so far apart that the mean surprise is above ln(1.8e308) = 709.8.
  private func surprised() throws -> String {
    var model = SmallModel(.untied, seed: 29, hidden: 16, intermediate: 24, layers: 3)
    model.weights["lm_head.weight"] = model.weights["lm_head.weight"]?.map { $0 * 20_000 }
    return try place(model)
  }

  @Test func anInfinitePerplexityIsRecordedAndTheRunGoesOn() throws {
    let source = try surprised()
    let file = try pipeline("run", [evaluate("before"), prune, evaluate("after"), ["stage": "save"]])
    let answer = try call(["run", file, "--model", source, "--output", scratch.path("run")])
    try #require(answer.code == 0, "\(answer.error)")
    #expect(answer.output.contains("infinity"), "\(answer.output)")
    #expect(scratch.exists("run/model/model.safetensors"))

    let metrics = try Support.json(scratch.url.appendingPathComponent("run/metrics.json"))
    for evaluation in try #require(metrics["evaluations"]?.arrayValue) {
      let values = try #require(evaluation["metrics"]?.arrayValue)
      let surprise = try #require(values.first?["value"]?.numberValue)
      #expect(surprise > 709.8 && values.first?["name"] == "ids.mean_nll@24")
      #expect(values.last?["value"] == .null && values.last?["name"] == "ids.token_perplexity@24")
      #expect(evaluation["infinite"] == ["ids.token_perplexity@24"])
    }
    let events = try String(contentsOfFile: scratch.path("run/events.jsonl"), encoding: .utf8)
    for line in events.split(separator: "\n") { _ = try JSONValue(parsing: String(line)) }

    #expect(
      try String(contentsOfFile: scratch.path("run/report.html"), encoding: .utf8).contains("infinity"))
    let texts = try ["csv", "json", "markdown"].map { format in
      let report = try call(["report", scratch.path("run"), "--format", format])
      #expect(report.code == 0, "\(report.error)")
      return report.output
    }
    #expect(texts[0].contains("ids.token_perplexity@24,inf,,true"), "\(texts[0])")
    let stages = try JSONValue(parsing: texts[1])["stages"]?.arrayValue ?? []
    #expect(stages.last { $0["stage"] == "after" }?["infinite"] == ["ids.token_perplexity@24"])
    #expect(texts[2].contains("infinity"), "\(texts[2])")

    let evaluated = try call([
      "evaluate", source, "--evaluator", "adapt-pruner.perplexity:data=\(ids),window=24", "--json",
    ])
    #expect(evaluated.code == 0, "\(evaluated.error)")
    #expect(evaluated.output.contains(#""infinite""#), "\(evaluated.output)")
  }

  /// What one process measured another one reads back.
  @Test func anInfinitePerplexityIsInfiniteAfterResumingAndInAComparison() throws {
    let source = try surprised()
    var many = prune.objectValue ?? [:]
    many["iterations"] = 30
    let file = try pipeline("run", [evaluate("before"), .object(many), evaluate("after")])
    let running = try Program.start(
      ["run", file, "--model", source, "--output", scratch.path("run")], in: scratch)
    let events = scratch.path("run/events.jsonl")
    while running.process.isRunning {
      let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
      if text.contains("\"stage_finished\"") { kill(running.process.processIdentifier, SIGKILL) }
      usleep(500)
    }
    var ended = try running.wait()
    if ended.code != 0 { ended = try call(["resume", scratch.path("run")]) }
    #expect(ended.code == 0, "\(ended.error)")
    let rows = ended.output.split(separator: "\n").filter { $0.contains("token_perplexity") }
    #expect(rows.count == 2 && rows.allSatisfy { $0.contains("infinity") }, "\(ended.output)")

    let pipelines = try ["one", "two"].map {
      try pipeline($0, [evaluate("before"), prune, evaluate("after"), ["stage": "save"]])
    }
    let answer = try call(
      ["compare"] + pipelines + [
        "--model", source, "--output", scratch.path("out"), "--seeds", "2", "--sample-tokens", "0",
      ])
    #expect(answer.code == 0, "\(answer.error)")
    #expect(answer.output.contains("infinity"), "\(answer.output)")
    // Items are windows' surprises, which are finite: so the pairs are tested.
    #expect(!answer.output.contains("not tested"), "\(answer.output)")
    for format in ["html", "csv", "json", "markdown"] {
      let report = try call(
        ["report", scratch.path("out"), "--format", format, "-o", scratch.path("report.\(format)")])
      #expect(report.code == 0, "\(report.error)")
    }
    let page = try String(contentsOfFile: scratch.path("report.html"), encoding: .utf8)
    #expect(page.contains("infinity"))
  }

  @Test(arguments: [
    ("model.layers.1.mlp.up_proj.weight", Float.nan), ("model.embed_tokens.weight", .infinity),
    ("lm_head.weight", -Float.infinity), ("model.layers.2.input_layernorm.weight", .nan),
  ])
  func everyCommandNamesTheTensorWhoseWeightsAreNoNumbers(_ tensor: String, _ value: Float) throws {
    var model = SmallModel(.untied, seed: 29, hidden: 16, intermediate: 24, layers: 3)
    model.weights[tensor]?[5] = value
    let source = try place(model)
    let tokens = try scratch.writeTokens(20, length: 24)
    let train: JSONValue = [
      "stage": "train", "data": .array([["path": .string(tokens)]]), "steps": 2, "length": 16,
      "batch_size": 2,
    ]
    let save: JSONValue = ["stage": "save"]
    var commands: [[String]] = [
      ["evaluate", source, "--evaluator", "adapt-pruner.perplexity:data=\(ids),window=24"],
      ["generate", source, "--prompt", "x"],
      [
        "compare", try pipeline("compared", [prune, save]), "--model", source, "--output",
        scratch.path("out"),
      ],
    ]
    for (name, stages) in [("trained", [train, save]), ("pruned", [prune, save]), ("saved", [save])] {
      commands.append(
        ["run", try pipeline(name, stages), "--model", source, "--output", scratch.path("run-\(name)")])
    }
    for command in commands {
      let answer = try call(command)
      #expect(answer.code == 1)
      #expect(
        answer.error.contains("own weights are not finite: tensor \(tensor) has \(value)"),
        "\(command[0]): \(answer.error)")
      #expect(
        !answer.error.contains("learning rate") && !answer.error.contains("to go on"), "\(answer.error)")
    }
    for name in ["out", "run-trained", "run-pruned", "run-saved"] {
      #expect(!scratch.exists(name), "\(name)")
    }
  }

  /// Finite weights whose products are too large for float32 are no fault of the file, nor of the evaluator or the rate.
  @Test func whatOverflowsInTheModelIsSaidToOverflowThere() throws {
    var model = SmallModel(.untied, seed: 29, hidden: 16, intermediate: 24, layers: 3)
    for name in ["gate", "up"] {
      let key = "model.layers.1.mlp.\(name)_proj.weight"
      model.weights[key] = model.weights[key]?.map { $0 * 1e25 }
    }
    let source = try place(model)
    let tokens = try scratch.writeTokens(20, length: 24)
    let train: JSONValue = [
      "stage": "train", "data": .array([["path": .string(tokens)]]), "steps": 2, "length": 16,
      "batch_size": 2,
    ]
    for (name, stage) in [("measured", evaluate("measured")), ("trained", train)] {
      let answer = try call([
        "run", try pipeline(name, [stage]), "--model", source, "--output", scratch.path(name),
      ])
      #expect(answer.code == 1 && answer.error.contains("too large for float32"), "\(name): \(answer.error)")
      #expect(
        !answer.error.contains("own weights") && !answer.error.contains("must be finite"), "\(answer.error)")
    }
  }
}
