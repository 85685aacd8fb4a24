import Foundation
import JSON
import PluginRuntime
import Testing

/// The program at work on a small model.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct ProgramTests {
  private let scratch = Scratch()

  /// A random model that reads text.
  private func model() throws -> String {
    let model = try SmallModel(.llama, seed: 9, vocabulary: 1110, hidden: 16, intermediate: 48).write()
    let place = scratch.url.appendingPathComponent("source")
    try FileManager.default.moveItem(at: model, to: place)
    try FileManager.default.copyItem(
      at: Support.package.appendingPathComponent("Tests/Fixtures/tokenizers/gpt2-like.tokenizer.json"),
      to: place.appendingPathComponent("tokenizer.json"))
    return place.path
  }

  @Test func ctrlCStopsARunAndLeavesNoModel() throws {
    let model = try SmallModel(.untied, seed: 2, hidden: 64, intermediate: 3000, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let ids = try scratch.writeIDs(64, length: 40)
    let pipeline = try scratch.write(
      """
      {"stages": [
        {"stage": "prune", "criterion": "adapt-pruner.taylor", "allocator": "adapt-pruner.layer-distance",
         "target": 0.5, "iterations": 2000,
         "calibration": {"data": {"path": "\(ids)", "format": "ids"}, "sequences": 64, "length": 40}},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    let running = try Program.start(
      ["run", pipeline, "--model", model.path, "--output", scratch.path("run"), "--threads", "1"], in: scratch
    )
    let deadline = ContinuousClock.now + .seconds(120)
    while !scratch.exists("run/iterations/001.json"), running.process.isRunning,
      ContinuousClock.now < deadline
    {
      Thread.sleep(forTimeInterval: 0.02)
    }
    running.process.interrupt()
    let answer = try running.wait()
    #expect(answer.code == 130, "\(answer.error)")
    #expect(answer.output == "")
    #expect(answer.error.contains("stopping at the next layer"), "\(answer.error)")
    let record = try Support.json(scratch.url.appendingPathComponent("run/run.json"))
    #expect(record["state"] == "interrupted")
    #expect(scratch.exists("run/iterations/001.json"))
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path("run"))
    #expect(!names.contains { $0.contains("model") || $0.contains("partial") }, "\(names)")
    let page = try String(contentsOfFile: scratch.path("run/report.html"), encoding: .utf8)
    #expect(page.contains("This run was interrupted"))
  }

  @Test func aWholePipelineOnText() throws {
    let model = try model()
    let text = try scratch.write(
      String(repeating: "The river ran past the old mill, and the miller counted his sacks. ", count: 60),
      to: "text.txt")
    let pipeline = try scratch.write(
      """
      {"inputs": {"text": null}, "stages": [
        {"stage": "prune", "criterion": "adapt-pruner.taylor", "allocator": "adapt-pruner.layer-distance",
         "target": {"parameters": 0.9}, "iterations": 2,
         "calibration": {"data": {"input": "text"}, "sequences": 8, "length": 16}},
        {"stage": "evaluate", "evaluators": [
          {"id": "adapt-pruner.perplexity", "options": {"data": {"input": "text"}, "window": 32}}]},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    let answer = try Program.call(
      ["run", pipeline, "--model", model, "--output", scratch.path("run"), "--set", "inputs.text=\(text)"],
      in: scratch)
    #expect(answer.code == 0, "\(answer.error)")
    #expect(answer.output.contains("text.token_perplexity@32"), "\(answer.output)")
    #expect(try Support.json(scratch.url.appendingPathComponent("run/run.json"))["state"] == "finished")

    // The page that the run made is the one that can be made of its folder later.
    let page = try String(contentsOfFile: scratch.path("run/report.html"), encoding: .utf8)
    #expect(page.contains("text.token_perplexity@32") && !page.contains("class=\"notice\""))
    let report = try Program.call(
      ["report", scratch.path("run"), "--output", scratch.path("again.html")], in: scratch)
    #expect(report.code == 0, "\(report.error)")
    #expect(report.output == scratch.path("again.html") + "\n")
    #expect(try String(contentsOfFile: scratch.path("again.html"), encoding: .utf8) == page)

    // The saved model is measured as the model in memory was, item by item.
    let measured = try Program.call(
      [
        "evaluate", scratch.path("run/model"), "--evaluator",
        "adapt-pruner.perplexity:data=\(text),window=32", "--json",
        "--quiet",
      ], in: scratch)
    #expect(measured.code == 0, "\(measured.error)")
    #expect(measured.error == "")
    let inRun = try Support.json(scratch.url.appendingPathComponent("run/metrics.json"))["evaluations"]?
      .arrayValue?[0]
    let saved = try JSONValue(parsing: measured.output)["evaluations"]?.arrayValue?[0]
    #expect(saved?["metrics"] != nil)
    #expect(saved?["metrics"] == inRun?["metrics"])
    #expect(saved?["items"] == inRun?["items"])
    #expect(saved?["parameters"] == inRun?["parameters"])

    let table = try Program.call(
      [
        "evaluate", scratch.path("run/model"), "--evaluator",
        "adapt-pruner.perplexity:data=\(text),window=32",
      ],
      in: scratch)
    #expect(table.code == 0)
    #expect(table.output.contains("text.token_perplexity@32"), "\(table.output)")
  }

  @Test func whatIsJSONParsesAndSaysWhatTheModelIs() throws {
    let model = try model()
    let inspected = try Program.call(["inspect", model, "--json"], in: scratch)
    #expect(inspected.code == 0)
    let report = try JSONValue(parsing: inspected.output)
    #expect(report["vocabulary_size"] == 1110)
    #expect(report["layers"]?.arrayValue?.count == 2)
    #expect(report["layers"]?.arrayValue?[0]["mlp_channels"] == 48)
    for arguments in [["plugins", "--json"], ["plugin", "describe", "adapt-pruner.taylor", "--json"]] {
      let answer = try Program.call(arguments, in: scratch)
      #expect(answer.code == 0)
      #expect(try JSONValue(parsing: answer.output).objectValue != nil)
    }
  }

  @Test func greedyTextIsTheSameTwiceAndSeedsDrawDifferentText() throws {
    let model = try model()
    func generate(_ arguments: String...) throws -> String {
      let answer = try Program.call(
        ["generate", model, "--prompt", "The river", "--max-tokens", "24"] + arguments, in: scratch)
      #expect(answer.code == 0, "\(answer.error)")
      // By bytes: what a random model goes on with may join the last letter.
      #expect(answer.output.utf8.starts(with: "The river".utf8))
      #expect(answer.output.utf8.last == UInt8(ascii: "\n"))
      return answer.output
    }
    let greedy = try generate()
    #expect(try generate() == greedy)
    #expect(try generate("--threads", "1") == greedy)
    let drawn = try generate("--temperature", "1.5", "--seed", "3")
    #expect(try generate("--temperature", "1.5", "--seed", "3") == drawn)
    #expect(try generate("--temperature", "1.5", "--seed", "4") != drawn)
  }
}
