import Foundation
import JSON
import PluginRuntime
import Testing

/// `compare` at work on a small model.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct CompareTests {
  private let scratch = Scratch()
  private let model: String
  private let ids: String

  init() throws {
    let made = try SmallModel(.untied, seed: 17, hidden: 32, intermediate: 64, layers: 3).write()
    let place = scratch.url.appendingPathComponent("source")
    try FileManager.default.moveItem(at: made, to: place)
    model = place.path
    ids = try scratch.writeIDs(24, length: 40)
  }

  /// A pipeline that measures, prunes, measures and saves.
  @discardableResult
  private func write(
    _ name: String, criterion: String, allocator: String = "uniform", iterations: Int = 2,
    target: JSONValue = 0.9, calibrates: Bool = false, seed: Int = 5
  ) throws -> String {
    let data: JSONValue = ["path": .string(ids), "format": "ids"]
    func evaluate(_ name: JSONValue) -> JSONValue {
      [
        "stage": "evaluate", "name": name,
        "evaluators": [["id": "adapt-pruner.perplexity", "options": ["data": data, "window": 20]]],
      ]
    }
    var prune: JSONObject = [
      "stage": "prune", "criterion": .string("adapt-pruner.\(criterion)"),
      "allocator": .string("adapt-pruner.\(allocator)"), "target": target,
      "iterations": .integer(iterations), "record_scores": true,
    ]
    if calibrates {
      prune["calibration"] = ["data": data, "sequences": 24, "length": 40, "batch_size": 8]
    }
    let stages: JSONValue = [evaluate("before"), .object(prune), evaluate("after"), ["stage": "save"]]
    return try scratch.write(
      JSONValue.object(["name": .string(name), "seed": .integer(seed), "stages": stages]).pretty,
      to: "\(name).json")
  }

  private func compare(_ arguments: [String], output: String = "out") throws -> Program.Answer {
    try Program.call(
      ["compare"] + arguments + [
        "--output", scratch.path(output), "--threads", "2", "--sample-tokens", "0",
      ], in: scratch)
  }

  /// What of a run depends on its input alone.
  private func lasting(_ name: String) throws -> [String: Data] {
    try scratch.files(below: name).filter { file, _ in
      ["model/", "iterations/", "scores/", "manifest.json"].contains { file.hasPrefix($0) }
    }
  }

  @Test("each run of a comparison has the bytes of the run made by itself")
  func sameBytes() throws {
    let pipelines = [
      try write("taylor", criterion: "taylor", allocator: "layer-distance", calibrates: true),
      try write("second", criterion: "taylor", calibrates: true),
      try write("random", criterion: "random"),
    ]
    let answer = try compare(pipelines + ["--model", model, "--targets", "0.8,0.6", "--seeds", "2"])
    #expect(answer.code == 0, "\(answer.error)")
    for (pipeline, name) in zip(pipelines, ["taylor", "second", "random"]) {
      for (target, seed) in [("0.8", 5), ("0.6", 6)] {
        let single = "\(name)-\(target)-alone"
        let run = try Program.call(
          [
            "run", pipeline, "--model", model, "--output", scratch.path(single), "--threads", "2", "--quiet",
            "--set", "stages.prune.target.parameters=\(target)", "--seed", "\(seed)",
          ], in: scratch)
        #expect(run.code == 0, "\(run.error)")
        let expected = try lasting(single)
        let found = try lasting("out/runs/\(name)-\(target)-seed\(seed)")
        #expect(found.keys.sorted() == expected.keys.sorted())
        for (file, bytes) in expected where !file.hasPrefix("manifest") {
          #expect(found[file] == bytes, "\(name) \(target) \(seed): \(file)")
        }
        // Only what an evaluation took may differ.
        let metrics = try [single, "out/runs/\(name)-\(target)-seed\(seed)"].map { folder in
          try Support.json(scratch.url.appendingPathComponent("\(folder)/metrics.json"))["evaluations"]?
            .arrayValue?.map { [$0["metrics"], $0["items"], $0["stage"], $0["parameters"]] }
        }
        #expect(metrics[0] == metrics[1])
      }
    }
    // 12 runs measured the dense model before they pruned it, and it was measured once.
    let shared = try Support.json(scratch.url.appendingPathComponent("out/comparison.json"))["shared"]
    #expect(shared?["evaluations_made"] == 1 && shared?["evaluations_spared"] == 12)
    #expect(answer.output.contains("the unpruned model measured once in place of 12"), "\(answer.output)")
    // Two methods calibrate alike: at two targets with two seeds each, eight runs begin with one pass.
    #expect(shared?["calibration_passes_made"] == 1 && shared?["calibration_passes_spared"] == 8)
  }

  @Test("runs that are there are not run again, and more can be added")
  func again() throws {
    let random = try write("random", criterion: "random")
    let magnitude = try write("magnitude", criterion: "magnitude")
    #expect(try compare([random, "--model", model]).code == 0)
    let before = try scratch.files(below: "out/runs")
    let answer = try compare([random, magnitude, "--model", model])
    #expect(answer.code == 0, "\(answer.error)")
    let after = try scratch.files(below: "out/runs")
    for (file, bytes) in before { #expect(after[file] == bytes, "\(file)") }
    #expect(after.keys.contains("magnitude/model/model.safetensors"))
    #expect(answer.output.contains("magnitude  "), "\(answer.output)")

    let report = try Program.call(["report", scratch.path("out")], in: scratch)
    #expect(report.code == 0 && report.output == scratch.path("out/report.html") + "\n")
    let page = try String(contentsOfFile: scratch.path("out/report.html"), encoding: .utf8)
    #expect(page.contains("<title>Comparison in out</title>"))
    let csv = try Program.call(["report", scratch.path("out"), "--format", "csv"], in: scratch)
    // Two metrics at two stages of two runs, those of the dense model, and the headings.
    #expect(csv.output.split(separator: "\n").count == 11, "\(csv.output)")
  }

  @Test("a run that is there and was made otherwise is refused, with what differs, before anything is done")
  func differs() throws {
    let random = try write("random", criterion: "random")
    #expect(try compare([random, "--model", model]).code == 0)
    let before = try scratch.files(below: "out")
    let answer = try compare([random, "--model", model, "--set", "stages.prune.iterations=3"])
    #expect(answer.code == 1)
    #expect(
      answer.error.contains(
        "runs/random is there already and was made otherwise: stages[1].iterations is 2 there, and 3 here"),
      "\(answer.error)")
    let threads = try Program.call(
      ["compare", random, "--model", model, "--output", scratch.path("out"), "--threads", "1"], in: scratch)
    #expect(threads.error.contains("the number of threads is 2 there, and 1 here"), "\(threads.error)")
    #expect(try scratch.files(below: "out") == before)
  }

  @Test("a run that fails is told of at the end, and the others go on")
  func failure() throws {
    let random = try write("random", criterion: "random")
    let impossible = try write("impossible", criterion: "random", target: 0.001)
    let answer = try compare([impossible, random, "--model", model])
    #expect(answer.code == 1)
    #expect(answer.output.contains("runs/impossible failed: "), "\(answer.output)")
    #expect(answer.output.contains("is out of reach"), "\(answer.output)")
    #expect(scratch.exists("out/runs/random/model/model.safetensors"))
    #expect(scratch.exists("out/report.html"))
  }

  @Test("a comparison that was stopped goes on with the same command, to the same bytes")
  func stopped() throws {
    let taylor = try write(
      "taylor", criterion: "taylor", allocator: "layer-distance", iterations: 40, target: 0.5,
      calibrates: true)
    let arguments = [
      "compare", taylor, "--model", model, "--threads", "2", "--sample-tokens", "0", "--output",
    ]
    let running = try Program.start(arguments + [scratch.path("out")], in: scratch)
    let deadline = ContinuousClock.now + .seconds(120)
    while !scratch.exists("out/runs/taylor/iterations/001.json"), running.process.isRunning,
      ContinuousClock.now < deadline
    {
      Thread.sleep(forTimeInterval: 0.005)
    }
    running.process.interrupt()
    #expect(try running.wait().code == 130)
    let answer = try Program.call(arguments + [scratch.path("out")], in: scratch)
    #expect(answer.code == 0, "\(answer.error)")
    #expect(try Program.call(arguments + [scratch.path("whole")], in: scratch).code == 0)
    let (found, expected) = (try lasting("out/runs/taylor"), try lasting("whole/runs/taylor"))
    #expect(found.keys.sorted() == expected.keys.sorted())
    for (file, bytes) in expected { #expect(found[file] == bytes, "\(file)") }
  }

  @Test("earlier runs are lined up from their folders, without a model")
  func folders() throws {
    for name in ["random", "magnitude"] {
      let pipeline = try write(name, criterion: name)
      let run = try Program.call(
        ["run", pipeline, "--model", model, "--output", scratch.path(name), "--quiet"], in: scratch)
      #expect(run.code == 0, "\(run.error)")
    }
    let answer = try compare([scratch.path("random"), scratch.path("magnitude")])
    #expect(answer.code == 0, "\(answer.error)")
    #expect(answer.output.contains("ids.mean_nll@20"), "\(answer.output)")
    #expect(answer.output.split(separator: "\n").contains { $0.hasPrefix("dense ") })
    let json = try Program.call(["report", scratch.path("out"), "--format", "json"], in: scratch)
    let pairs = try JSONValue(parsing: json.output)["differences"]?.arrayValue
    // Each with the dense model, and with each other.
    #expect(pairs?.count == 3)
    #expect(pairs?.allSatisfy { $0["items"] == 48 } == true)
  }

  @Test("every model goes on with the same text")
  func samples() throws {
    try FileManager.default.copyItem(
      at: Support.package.appendingPathComponent("Tests/Fixtures/tokenizers/gpt2-like.tokenizer.json"),
      to: scratch.url.appendingPathComponent("large/tokenizer.json").makingFolder())
    let large = try SmallModel(.llama, seed: 9, vocabulary: 1110, hidden: 16, intermediate: 48).write()
    for name in try FileManager.default.contentsOfDirectory(atPath: large.path) {
      try FileManager.default.moveItem(
        at: large.appendingPathComponent(name), to: scratch.url.appendingPathComponent("large/\(name)"))
    }
    let random = try write("random", criterion: "random")
    let answer = try Program.call(
      [
        "compare", random, "--model", scratch.path("large"), "--output", scratch.path("out"), "--prompt",
        "Once",
        "--sample-tokens", "4",
      ], in: scratch)
    #expect(answer.code == 0, "\(answer.error)")
    let samples = try Support.json(scratch.url.appendingPathComponent("out/comparison.json"))["samples"]
    #expect(samples?.arrayValue?.map { $0["run"] } == [.null, "runs/random"])
    let alone = try Program.call(
      [
        "generate", scratch.path("out/runs/random/model"), "--prompt", "Once", "--max-tokens", "4", "--quiet",
      ], in: scratch)
    #expect(
      (samples?.arrayValue?.last?["text"]?.stringValue).map { "Once" + $0 + "\n" } == alone.output)
  }

  @Test("what can't be compared is refused in a sentence, before any work")
  func refused() throws {
    let random = try write("random", criterion: "random")
    let counted = try write("counted", criterion: "random", target: ["parameters": 20000])
    let dense = try write("dense", criterion: "random")
    try FileManager.default.copyItem(atPath: random, toPath: scratch.path("copy.json"))
    try scratch.write("mine", to: "full/file.txt")
    let cases: [([String], String)] = [
      ([random], "needs a model to run on: give --model"),
      ([random, scratch.path("copy.json"), "--model", model], "are both called \"random\""),
      ([dense, "--model", model], "give the pipeline another \"name\""),
      ([counted, "--model", model, "--targets", "0.5"], "no prune or transform stage has one"),
      (
        [random, "--model", model, "--set", "inputs.text=a.txt"],
        "none of the pipelines has an input \"text\""
      ),
      ([random, "--model", model, "--set", "stages.train.steps=3"], "there is no stage \"train\""),
      ([scratch.path("source")], "holds no run"),
    ]
    for (arguments, sentence) in cases {
      let answer = try compare(arguments)
      #expect(answer.code == 1 && answer.error.contains(sentence), "\(arguments): \(answer.error)")
      #expect(!scratch.exists("out"))
    }
    let full = try compare([random, "--model", model], output: "full")
    #expect(full.error.contains("is not empty and holds no comparison"), "\(full.error)")
    for wrong in [
      ["--targets", "1.5"], ["--targets", "0.5,,"], ["--targets", "0.5,0.5"], ["--seeds", "0"],
    ] {
      #expect(try compare([random, "--model", model] + wrong).code == 2, "\(wrong)")
    }
  }
}

extension URL {
  /// The same, once the folder that it is in is there.
  fileprivate func makingFolder() throws -> URL {
    try FileManager.default.createDirectory(
      at: deletingLastPathComponent(), withIntermediateDirectories: true)
    return self
  }
}
