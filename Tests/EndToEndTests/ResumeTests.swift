import Foundation
import JSON
import Pipeline
import PluginRuntime
import RandomNumbers
import Testing
import Transformer

#if canImport(Glibc)
  import Glibc
#endif

/// A run that ends before its time, however it ends, is taken up again and gives the bytes of an undisturbed one.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct ResumeTests {
  /// A pipeline on a random model, with all kinds of stages, in a folder of its own.
  struct Bench {
    let scratch = Scratch()
    let pipeline: String
    let model: String

    init(recovery: JSONValue = "full", rounds: Int = 2, steps: Int = 10) throws {
      model = try SmallModel(.untied, seed: 29, vocabulary: 32, hidden: 16, intermediate: 24, layers: 3)
        .write().path
      let ids = try scratch.writeIDs(16, length: 24)
      let tokens = try scratch.writeTokens(40, length: 30)
      let data: JSONValue = ["path": .string(ids), "format": "ids"]
      let manifest: JSONValue = [
        "name": "interleaved", "seed": 11,
        "stages": [
          [
            "stage": "repeat", "times": .integer(rounds),
            "stages": [
              [
                "stage": "prune", "criterion": "adapt-pruner.taylor",
                "allocator": "adapt-pruner.layer-distance",
                "calibration": ["data": data, "sequences": 8, "length": 24, "batch_size": 4],
                "target": ["parameters": 0.8, "spread_over_rounds": true], "iterations": 2,
                "record_scores": true,
              ],
              [
                "stage": "train", "data": .array([["path": .string(tokens)]]), "recovery": recovery,
                "steps": .integer(steps), "length": 16, "batch_size": 2, "gradient_accumulation_steps": 2,
                "share": "linear", "schedule": "wsd", "optimizer": ["learning_rate": 0.01],
                "checkpoint_steps": 2,
              ],
            ],
          ],
          [
            "stage": "evaluate",
            "evaluators": [["id": "adapt-pruner.perplexity", "options": ["data": data, "window": 24]]],
          ], ["stage": "save"],
        ],
      ]
      pipeline = try scratch.write(manifest.pretty, to: "pipeline.json")
    }

    func arguments(_ output: String) -> [String] {
      ["run", pipeline, "--model", model, "--output", output, "--threads", "2", "--quiet"]
    }

    func start(_ output: String, shell: String = ":", plugins: [String] = []) throws -> Program.Running {
      try Program.start(arguments(output), in: scratch, plugins: plugins, shell: shell)
    }

    func resume(
      _ output: String, plugins: [String] = [], arguments: [String] = []
    ) throws -> Program.Running {
      try Program.start(
        ["resume", scratch.path(output), "--quiet"] + arguments, in: scratch, plugins: plugins)
    }

    /// What must be equal: models, scores, what iterations removed, and metrics but for their times.
    func result(_ output: String) throws -> [String: Data] {
      var files = try scratch.files(below: output).filter { name, _ in
        ["model/", "iterations/", "scores/"].contains { name.hasPrefix($0) } || name == "manifest.json"
      }
      let metrics = try Support.json(URL(fileURLWithPath: scratch.path("\(output)/metrics.json")))
      let values = metrics["evaluations"]?.arrayValue?.map { ($0["metrics"] ?? .null).compact } ?? []
      files["metrics"] = Data(values.joined(separator: "\n").utf8)
      return files
    }

    func remove() { try? FileManager.default.removeItem(atPath: model) }
  }

  func requireEqual(_ found: [String: Data], _ expected: [String: Data], _ what: String) throws {
    #expect(found.keys.sorted() == expected.keys.sorted(), "\(what)")
    for (name, bytes) in expected { try #require(found[name] == bytes, "\(what): \(name) differs") }
  }

  /// The moments are drawn from the length of an undisturbed run, so that every part of it is hit. Runs are killed again
  /// while they are resumed; the seed of the moments is printed for a failure to be repeated.
  @Test func killedAtTwoHundredRandomMomentsItEndsWithTheSameBytes() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let whole = try bench.start("undisturbed").wait()
    #expect(whole.code == 0, "\(whole.error)")
    // The shortest of several, since a machine that is busy for a moment would have later runs end unharmed.
    var length = Double.infinity
    for index in 0..<3 {
      let clock = ContinuousClock.now
      let timed = try bench.start("timed-\(index)").wait()
      #expect(timed.code == 0)
      length = min(length, (ContinuousClock.now - clock) / .seconds(1))
    }
    let expected = try bench.result("undisturbed")
    #expect(!bench.scratch.exists("undisturbed/state"), "a finished run has no state")
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(state: seed)
    var kills = 0
    var resumed = 0
    var run = 0
    while kills < 200 {
      run += 1
      let output = "killed-\(run)"
      var running = try bench.start(output)
      while true {
        let moment = Date(timeIntervalSinceNow: Double.random(in: 0..<length, using: &random))
        // Past the last kill, a run may end.
        while running.process.isRunning, moment.timeIntervalSinceNow > 0 || kills >= 200 { usleep(500) }
        if running.process.isRunning {
          kill(running.process.processIdentifier, SIGKILL)
          kills += 1
        }
        let answer = try running.wait()
        // Killed between its last record and its end, it has nothing left to do.
        if answer.code == 0 || answer.error.contains("has finished") { break }
        try #require(answer.code == -SIGKILL, "moments of seed \(seed): \(answer.error)")
        if FileManager.default.fileExists(atPath: bench.scratch.path(output + "/state/state.json")) {
          // Runs that are killed each time before their first step would never end.
          running = try bench.resume(output)
          resumed += 1
          if kills.isMultiple(of: 5) {
            let last = try running.wait()
            try #require(last.code == 0 || last.error.contains("has finished"), "seed \(seed): \(last.error)")
            break
          }
        } else {
          let refusal = try bench.resume(output).wait()
          if refusal.error.contains("has finished") { break }
          #expect(
            refusal.code == 1 && refusal.error.contains("holds no run that can be resumed"), "\(refusal)")
          // Killed at its very start, it has not even made its folder.
          try? FileManager.default.removeItem(atPath: bench.scratch.path(output))
          running = try bench.start(output)
        }
      }
      try requireEqual(try bench.result(output), expected, "run \(run), moments of seed \(seed)")
      try FileManager.default.removeItem(atPath: bench.scratch.path(output))
    }
    // Nothing to resume is left by a kill before the run's first step, which a busy machine makes more likely.
    #expect(resumed > 20)
  }

  @Test(arguments: ["lora", "norms-and-biases", "distill"])
  func everyKindOfRecoveryIsTakenUpInTheMiddleOfAStage(_ kind: String) throws {
    let bench = try Bench(recovery: .string(kind), rounds: 1, steps: 7)
    defer { bench.remove() }
    let whole = try bench.start("undisturbed").wait()
    #expect(whole.code == 0, "\(whole.error)")
    // A checkpoint is there as soon as its event is.
    let running = try bench.start("killed")
    let events = bench.scratch.path("killed/events.jsonl")
    while running.process.isRunning {
      let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
      if text.contains("\"checkpoint\"") { kill(running.process.processIdentifier, SIGKILL) }
      usleep(500)
    }
    if try running.wait().code != 0 { #expect(try bench.resume("killed").wait().code == 0) }
    try requireEqual(try bench.result("killed"), try bench.result("undisturbed"), kind)
  }

  @Test func interruptedItFinishesTheStepAndSaysHowToGoOn() throws {
    let bench = try Bench(rounds: 1, steps: 400)
    defer { bench.remove() }
    var arguments = bench.arguments("interrupted")
    arguments.removeLast()
    let running = try Program.start(arguments, in: bench.scratch)
    let events = bench.scratch.path("interrupted/events.jsonl")
    while running.process.isRunning {
      let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
      if text.contains("\"step\":3") {
        kill(running.process.processIdentifier, SIGINT)
        break
      }
      usleep(500)
    }
    let answer = try running.wait()
    #expect(answer.code == 130, "\(answer.error)")
    #expect(answer.error.contains("to go on: adapt-pruner resume \(bench.scratch.path("interrupted"))"))
    let state = try Support.json(URL(fileURLWithPath: bench.scratch.path("interrupted/state/state.json")))
    #expect((state["checkpoints"]?.arrayValue?.last?["step"]?.integerValue ?? 0) >= 3)
  }

  @Test(arguments: [1, 2])
  func aDamagedCheckpointIsPassedOver(_ damaged: Int) throws {
    let bench = try Bench(rounds: 1, steps: 300)
    defer { bench.remove() }
    let running = try bench.start("killed")
    let events = bench.scratch.path("killed/events.jsonl")
    while running.process.isRunning {
      let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
      if text.ranges(of: "\"checkpoint\"").count >= 3 { kill(running.process.processIdentifier, SIGKILL) }
      usleep(500)
    }
    try #require(try running.wait().code == -SIGKILL)
    let state = try Support.json(URL(fileURLWithPath: bench.scratch.path("killed/state/state.json")))
    let names = (state["checkpoints"]?.arrayValue ?? []).compactMap { $0["file"]?["name"]?.stringValue }
    try #require(names.count == 2, "the two newest are kept")
    for name in names.suffix(damaged) {
      let file = URL(fileURLWithPath: bench.scratch.path("killed/" + name))
      var bytes = try Data(contentsOf: file)
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: file)
    }
    let resumed = try Program.call(["resume", bench.scratch.path("killed")], in: bench.scratch)
    #expect(resumed.code == 0, "\(resumed.error)")
    #expect(resumed.error.contains("\(names[1]) is damaged and passed over"), "\(resumed.error)")
    let whole = try bench.start("undisturbed").wait()
    #expect(whole.code == 0, "\(whole.error)")
    try requireEqual(try bench.result("killed"), try bench.result("undisturbed"), "\(damaged) damaged")
  }

  /// The plugin fails as long as a file is missing: a licence, a server, a disk of its own.
  @Test func aPluginThatFailsEndsItAndOnceItIsWellTheRunGoesOn() throws {
    let scratch = Scratch()
    let example = Support.package.appendingPathComponent("Examples/criterion-c")
    let needed = scratch.path("needed")
    let source = try String(contentsOf: example.appendingPathComponent("norm_product.c"), encoding: .utf8)
    let opening = "float *scores) {\n"
    try #require(source.contains(opening))
    try scratch.write(
      "#include <stdio.h>\n"
        + source.replacing(
          opening,
          with: opening + """
              FILE *file = fopen("\(needed)", "r");
              if (!file && units->layer == 0) return AP_FAILED;
              if (file) fclose(file);

            """), to: "moody.c")
    try scratch.write(
      Data(contentsOf: example.appendingPathComponent("plugin.json")), to: "plugins/plugin.json")
    try Compiler.compile(
      scratch.path("moody.c"), to: scratch.path("plugins/libnorm_product.so"),
      include: Support.package.appendingPathComponent("Sources/PluginABI/include").path)
    let model = try SmallModel(.llama, seed: 4, hidden: 16, intermediate: 40).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let pipeline = try scratch.write(
      """
      {"stages": [
        {"stage": "prune", "criterion": "adapt-pruner.magnitude", "allocator": "adapt-pruner.uniform", "target": 0.9,
         "iterations": 1},
        {"stage": "prune", "criterion": "example.norm-product", "allocator": "adapt-pruner.uniform", "target": 0.7,
         "iterations": 2},
        {"stage": "save"}]}
      """, to: "pipeline.json")
    func run(_ output: String) throws -> Program.Answer {
      try Program.call(
        [
          "run", pipeline, "--model", model.path, "--output", scratch.path(output), "--plugin-path",
          scratch.path("plugins"),
        ], in: scratch)
    }
    let failed = try run("failed")
    #expect(failed.code == 1)
    #expect(failed.error.contains("example.norm-product"), "\(failed.error)")
    #expect(failed.error.contains("to go on: adapt-pruner resume"), "\(failed.error)")
    try scratch.write("", to: "needed")
    let resumed = try Program.call(
      ["resume", scratch.path("failed"), "--quiet"], in: scratch, plugins: [scratch.path("plugins")])
    #expect(resumed.code == 0, "\(resumed.error)")
    #expect(try run("well").code == 0)
    let models = try ["failed", "well"].map { try scratch.files(below: $0 + "/model") }
    try requireEqual(models[0], models[1], "after a failing plugin")
  }

  @Test func aFullDiskEndsItWithASentenceAndWithRoomItGoesOn() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let whole = try bench.start("undisturbed").wait()
    #expect(whole.code == 0, "\(whole.error)")
    // Files of at most 20 kB: too few for a checkpoint.
    let answer = try bench.start("full", shell: "trap '' XFSZ; ulimit -f 20").wait()
    #expect(answer.code == 1)
    #expect(answer.error.contains("can't write") && answer.error.contains("too large"), "\(answer.error)")
    let resumed = try bench.resume("full").wait()
    #expect(resumed.code == 0, "\(resumed.error)")
    try requireEqual(try bench.result("full"), try bench.result("undisturbed"), "after a full disk")
  }

  @Test func aReportThatCannotBeWrittenIsNotedAndTheRunFinishes() throws {
    let bench = try Bench()
    defer { bench.remove() }
    // Ended before its time by files of at most 20 kB.
    #expect(try bench.start("run", shell: "trap '' XFSZ; ulimit -f 20").wait().code == 1)
    let page = bench.scratch.path("run/report.html")
    try? FileManager.default.removeItem(atPath: page)
    try FileManager.default.createDirectory(atPath: page + "/in the way", withIntermediateDirectories: true)
    let resumed = try Program.call(["resume", bench.scratch.path("run")], in: bench.scratch)
    #expect(resumed.code == 0, "\(resumed.error)")
    #expect(resumed.error.contains("there is no report.html: can't "), "\(resumed.error)")
    #expect(
      try Support.json(URL(fileURLWithPath: bench.scratch.path("run/run.json")))["state"] == "finished")

    try FileManager.default.removeItem(atPath: page)
    let report = try Program.call(["report", bench.scratch.path("run")], in: bench.scratch)
    #expect(report.code == 0, "\(report.error)")
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("the run was resumed once"))
  }

  @Test func anotherManifestModelOrCheckpointIsRefusedAndLockedAnotherPlugin() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let answer = try bench.start("stopped", shell: "trap '' XFSZ; ulimit -f 20").wait()
    #expect(answer.code == 1)

    func refused(_ file: String, _ words: String) throws {
      let original = try Data(contentsOf: URL(fileURLWithPath: file))
      var changed = original
      changed.append(0x20)
      try changed.write(to: URL(fileURLWithPath: file))
      let answer = try bench.resume("stopped").wait()
      #expect(answer.code == 1)
      #expect(
        answer.error.contains(words) && answer.error.contains("not what the run was made with"),
        "\(answer.error)")
      try original.write(to: URL(fileURLWithPath: file))
    }
    try refused(bench.scratch.path("stopped/manifest.json"), "the manifest")
    try refused(bench.model + "/model.safetensors", "the model's file")

    // A plugin of the same id from elsewhere, first on the search path.
    let other = bench.scratch.path("other")
    try FileManager.default.createDirectory(atPath: other, withIntermediateDirectories: true)
    let source = Support.package.appendingPathComponent("Plugins/AdaptPruner/plugin.json")
    try FileManager.default.createDirectory(atPath: other + "/AdaptPruner", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: source.path, toPath: other + "/AdaptPruner/plugin.json")
    var library = try Data(contentsOf: Support.binaries.appendingPathComponent("libAdaptPruner.so"))
    library.append(0)
    try library.write(to: URL(fileURLWithPath: other + "/AdaptPruner/libAdaptPruner.so"))
    let plugin = try bench.resume("stopped", plugins: [other], arguments: ["--locked"]).wait()
    #expect(plugin.code == 1 && plugin.error.contains("the plugin adapt-pruner."), "\(plugin.error)")

    try Data("{".utf8).write(to: URL(fileURLWithPath: bench.scratch.path("stopped/state/state.json")))
    let broken = try bench.resume("stopped").wait()
    #expect(
      broken.code == 1 && broken.error.contains("state.json is not what a run writes"), "\(broken.error)")
    let nothing = try bench.resume("nowhere").wait()
    #expect(nothing.code == 1 && nothing.error.contains("run.json is missing"), "\(nothing.error)")
  }
}

extension Scratch {
  /// A safetensors file of token ids, `input_ids` [rows, length], int32.
  func writeTokens(_ rows: Int, length: Int, vocabulary: Int = 32, to name: String = "tokens.safetensors")
    throws
    -> String
  {
    var bytes = Data()
    for row in 0..<rows {
      for column in 0..<length {
        let id = Int32((row * 17 + column * column * 5 + column * 3) % vocabulary)
        withUnsafeBytes(of: id.littleEndian) { bytes.append(contentsOf: $0) }
      }
    }
    let header = Data(
      #"{"input_ids":{"dtype":"I32","shape":[\#(rows),\#(length)],"data_offsets":[0,\#(bytes.count)]}}"#.utf8)
    var file = Data()
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { file.append(contentsOf: $0) }
    return try write(file + header + bytes, to: name)
  }
}
