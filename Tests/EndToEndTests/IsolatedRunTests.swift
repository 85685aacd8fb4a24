import Checkpoints
import Foundation
import JSON
import Testing

/// A whole run with its plugins in processes of their own comes to the same bytes.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct IsolatedRunTests {
  @Test func everyKindOfPluginAnswersTheSame() throws {
    let scratch = Scratch()
    let small = SmallModel(.qwen3, seed: 4, hidden: 16, intermediate: 40)
    let model = try small.write()
    defer { try? FileManager.default.removeItem(at: model) }
    try scratch.writeIDs(12, length: 24, to: "ids.json")
    let pipeline = try scratch.write(
      """
      {"inputs": {"ids": "ids.json"}, "stages": [
        {"stage": "evaluate", "name": "before", "evaluators": [
          {"id": "adapt-pruner.perplexity", "options": {"data": {"input": "ids"}, "window": 16}}]},
        {"stage": "prune", "name": "cut", "criterion": "adapt-pruner.taylor",
         "allocator": "adapt-pruner.layer-distance", "compensator": "adapt-pruner.least-squares",
         "calibration": {"data": {"input": "ids"}, "sequences": 8, "length": 16, "batch_size": 4},
         "target": 0.8, "iterations": 2, "record_scores": true},
        {"stage": "prune", "name": "chance", "criterion": "adapt-pruner.random",
         "allocator": "adapt-pruner.uniform", "target": 0.75, "iterations": 1},
        {"stage": "transform", "transform": {"id": "adapt-pruner.slicegpt", "options": {}},
         "calibration": {"data": {"input": "ids"}, "sequences": 8, "length": 16}, "target": 0.6},
        {"stage": "evaluate", "name": "after", "evaluators": [
          {"id": "adapt-pruner.perplexity", "options": {"data": {"input": "ids"}, "window": 16}}]},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    func run(_ output: String, _ more: String...) throws {
      let answer = try Program.call(
        ["run", pipeline, "--model", model.path, "--output", scratch.path(output), "--quiet", "--seed", "5"]
          + more, in: scratch)
      #expect(answer.code == 0, "\(answer.error)")
    }
    try run("here")
    try run("apart", "--isolate")
    for part in ["model", "scores"] {
      #expect(try scratch.files(below: "here/\(part)") == scratch.files(below: "apart/\(part)"))
    }
    func metrics(_ output: String) throws -> [String] {
      let file = scratch.url.appendingPathComponent("\(output)/metrics.json")
      return try Support.json(file)["evaluations"]?.arrayValue?.map { ($0["metrics"] ?? .null).compact } ?? []
    }
    #expect(try metrics("here").count == 2)
    #expect(try metrics("here") == metrics("apart"))
    let manifest = try Support.json(scratch.url.appendingPathComponent("apart/manifest.json"))
    #expect(
      manifest["stages"]?.arrayValue?[1]["isolate"]?.compact
        == #"{"time_limit_seconds":600.0,"memory_limit_megabytes":4096}"#)
    #expect(
      try Support.json(scratch.url.appendingPathComponent("here/manifest.json"))["stages"]?.arrayValue?[1][
        "isolate"]
        == nil)
  }

  /// A criterion that calibrates in a pass of its own, or in one for several runs, computes on the same threads.
  @Test func inAComparisonItFindsAsManyThreadsAsInARun() throws {
    let scratch = Scratch()
    try ConformanceTests.place("counts_threads", kind: "criterion", in: scratch)
    let model = try SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40).write()
    defer { try? FileManager.default.removeItem(at: model) }
    try scratch.writeIDs(12, length: 24, to: "ids.json")
    let pipeline = try scratch.write(
      """
      {"name": "threads", "stages": [
        {"stage": "prune", "criterion": "fixture.plugin", "allocator": "adapt-pruner.uniform",
         "calibration": {"data": {"path": "ids.json", "format": "ids"}, "sequences": 4, "length": 16},
         "target": 0.8, "iterations": 1, "record_scores": true, "isolate": true}]}
      """, to: "pipeline.json")
    func scores(_ command: String, _ output: String, _ more: [String], _ run: String, threads: Int) throws
      -> [Float]
    {
      let answer = try Program.call(
        [
          command, pipeline, "--model", model.path, "--output", scratch.path(output), "--threads",
          "\(threads)", "--plugin-path", scratch.path("plugins"),
        ] + more, in: scratch)
      try #require(answer.code == 0, "\(answer.error)")
      let file = try SafetensorsFile(path: scratch.path("\(run)/scores/001.safetensors"))
      return try file.tensors.values.flatMap { try $0.floats() }
    }
    // Two runs at two targets begin with one pass.
    let shared = ["--targets", "0.8,0.7", "--sample-tokens", "0"]
    for threads in [1, 6] {
      let alone = try scores("run", "alone-\(threads)", ["--quiet"], "alone-\(threads)", threads: threads)
      let together = try scores(
        "compare", "out-\(threads)", shared, "out-\(threads)/runs/threads-0.8", threads: threads)
      let record = try Support.json(
        scratch.url.appendingPathComponent("out-\(threads)/comparison.json"))
      #expect(record["shared"]?["calibration_passes_spared"] == 2)
      #expect(!alone.isEmpty && alone == together, "\(alone.first ?? 0) and \(together.first ?? 0) threads")
    }
  }

  @Test func anInterruptReachesThePluginByWayOfTheHost() throws {
    let scratch = Scratch()
    try ConformanceTests.place("loops", kind: "criterion", in: scratch)
    let small = SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40)
    let model = try small.write()
    defer { try? FileManager.default.removeItem(at: model) }
    let pipeline = try scratch.write(
      """
      {"stages": [{"stage": "prune", "criterion": "fixture.plugin", "allocator": "adapt-pruner.uniform",
                   "target": 0.7, "iterations": 1}]}
      """, to: "pipeline.json")
    let running = try Program.start(
      [
        "run", pipeline, "--model", model.path, "--output", scratch.path("run"), "--quiet", "--isolate",
        "--plugin-path", scratch.path("plugins"),
      ], in: scratch)
    let log = scratch.path("run/events.jsonl")
    for _ in 0..<500
    where !((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").contains("fixed point") {
      usleep(20_000)
    }
    running.process.interrupt()
    #expect(try running.wait().code == 130)
    #expect(
      try Support.json(scratch.url.appendingPathComponent("run/run.json"))["state"] == "interrupted")
  }
}
