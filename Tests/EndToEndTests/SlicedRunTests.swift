import Checkpoints
import Foundation
import JSON
import Pipeline
import Tensors
import Testing
import Transformer

#if canImport(Glibc)
  import Glibc
#endif

/// Whole runs that slice the residual stream, and what can be done with the models that they save.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct SlicedRunTests {
  private typealias Bench = DepthRunTests.Bench

  private func transform(
    _ bench: Bench, _ options: JSONValue = [:], to target: JSONValue? = nil
  ) -> JSONValue {
    var stage: JSONObject = [
      "stage": "transform", "transform": ["id": "adapt-pruner.slicegpt", "options": options],
      "calibration": ["data": bench.data, "sequences": 8, "length": 24],
    ]
    stage["target"] = target
    return .object(stage)
  }

  private func run(_ bench: Bench, _ output: String, _ stages: [JSONValue]) throws -> Decoder {
    let answer = try bench.start(output, stages).wait()
    try #require(answer.code == 0, "\(answer.error)")
    return try Decoder(Checkpoint.open(bench.scratch.path("\(output)/model")))
  }

  /// A column less at one place takes at most the embedding's, the head's and a sublayer's rows with it.
  @Test(arguments: ["constant", "energy"], [("parameters", 0.9), ("parameters", 0.6), ("macs", 0.7)])
  func targetsAreMet(_ spread: String, _ target: (measure: String, share: Double)) throws {
    let (measure, share) = target
    let bench = try Bench()
    defer { bench.remove() }
    let options: JSONValue = ["spread": .string(spread), "slice_head": true]
    let model = try run(
      bench, "out",
      [transform(bench, options, to: .object([measure: .number(share)])), bench.evaluate, ["stage": "save"]])
    let dense = try Decoder(Checkpoint.open(bench.model))
    let (size, whole) =
      measure == "parameters"
      ? (model.parameters, dense.parameters) : (model.multiplyAccumulates, dense.multiplyAccumulates)
    #expect(Double(size) <= share * Double(whole))
    // One column at all places, or at one.
    let places = try dense.residualPlaces().places
    let costs = places.map { (measure == "parameters" ? $0.parameters : $0.multiplyAccumulates) + 2 * 16 }
    let step = spread == "constant" ? costs.reduce(0, +) : costs.max() ?? 0
    #expect(Double(size + step) > share * Double(whole), "\(size) of \(whole)")

    let widths = try #require(model.configuration.residualWidths)
    if spread == "constant" {
      #expect(Set(widths.attention + widths.mlp + [widths.head]).count == 1)
    }
    let record = try bench.json("out/iterations/001.json")
    #expect(record["parameters"]?.integerValue == model.parameters)
    #expect(record["head_width"]?.integerValue == widths.head)
    let layers = try #require(record["layers"]?.arrayValue)
    #expect(
      layers.map { $0["families"]?["attention_stream"]?["kept"]?.integerValue } == widths.attention)
    #expect(layers.map { $0["families"]?["mlp_stream"]?["kept"]?.integerValue } == widths.mlp)
    let page = try String(contentsOfFile: bench.scratch.path("out/report.html"), encoding: .utf8)
    #expect(page.contains("residual stream before attention"))
  }

  @Test func aTargetThatIsOutOfReachIsSaid() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let answer = try bench.start("out", [transform(bench, to: 0.05)]).wait()
    #expect(answer.code != 0 && answer.error.contains("out of reach"), "\(answer.error)")
  }

  /// Sublayers, then groups and channels, then the stream: killed after each stage and while one is at work.
  @Test func aRunIsTakenUpWhereItWasKilled() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let stages = [
      bench.prune(["attention_block", "mlp_block"], to: 0.8),
      bench.prune(["attention", "mlp"], to: 0.7, allocator: "adapt-pruner.uniform"),
      transform(bench, ["spread": "energy", "slice_head": true], to: 0.5), bench.evaluate, ["stage": "save"],
    ]
    let model = try run(bench, "whole", stages)
    #expect(model.parameters <= Bench.whole / 2)
    #expect(model.allSizes.contains { !$0.hasAttention || !$0.hasMLP })
    #expect(!bench.scratch.exists("whole/state"))
    func result(_ output: String) throws -> [String: Data] {
      try bench.scratch.files(below: output).filter { name, _ in
        name.hasPrefix("model/") || name.hasPrefix("iterations/")
      }
    }
    let expected = try result("whole")
    for lines in [2, 4, 5, 7, 9] {
      let output = "killed-\(lines)"
      let running = try bench.start(output, stages)
      let events = bench.scratch.path("\(output)/events.jsonl")
      while running.process.isRunning {
        let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
        if text.ranges(of: "\n").count >= lines { kill(running.process.processIdentifier, SIGKILL) }
        usleep(300)
      }
      if try running.wait().code != 0 {
        let resumed = try bench.resume(output)
        #expect(resumed.code == 0, "\(resumed.error)")
      }
      let found = try result(output)
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (name, bytes) in expected { #expect(found[name] == bytes, "after \(lines) events: \(name)") }
    }
  }

  @Test func aSavedModelIsShownMeasuredAndGoesOnWithATextAndIsNotChanged() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let model = try run(
      bench, "out",
      [transform(bench, ["sparsity": 0.25]), bench.evaluate, ["stage": "save", "type": "float32"]])
    let saved = bench.scratch.path("out/model")
    func call(_ arguments: [String]) throws -> Program.Answer {
      try Program.call(arguments, in: bench.scratch, plugins: [bench.plugins])
    }
    let inspected = try call(["inspect", saved])
    #expect(inspected.code == 0 && inspected.output.contains("12, 12"), "\(inspected.error)")
    let json = try JSONValue(parsing: call(["inspect", saved, "--json"]).output)
    #expect(json["parameters"]?.integerValue == model.parameters)
    #expect(json["layers"]?.arrayValue?.first?["stream_widths"]?.integers == [12, 12])
    #expect(json["head_width"]?.integerValue == 16)

    let ids = bench.scratch.path("ids.json")
    let measured = try call([
      "evaluate", saved, "--evaluator", "adapt-pruner.perplexity:data=\(ids),window=24", "--json", "--quiet",
    ])
    #expect(measured.code == 0, "\(measured.error)")
    let before = try bench.json("out/metrics.json")["evaluations"]?.arrayValue?.first?["metrics"]
    let text = try JSONValue(parsing: measured.output)
    let after = text["evaluations"]?.arrayValue?.first?["metrics"] ?? text.arrayValue?.first?["metrics"]
    #expect(before != nil && after == before, "\(measured.output)")

    for (stage, label) in [
      (bench.prune(["mlp"], to: 0.5), "prune"), (bench.train(), "train"),
      (transform(bench, ["sparsity": 0.5]), "transform"),
    ] {
      let manifest: JSONValue = ["name": "again", "stages": [stage]]
      let pipeline = try bench.scratch.write(manifest.pretty, to: "again.json")
      let answer = try call(["run", pipeline, "--model", saved, "--output", bench.scratch.path("again")])
      #expect(answer.code != 0)
      #expect(
        answer.error.contains("stage \(label): the residual stream of \(saved) was sliced")
          && answer.error.contains("only running and measuring it is built"), "\(answer.error)")
      #expect(!bench.scratch.exists("again"))
    }
  }

  @Test func aPruningAndASlicingAreComparedWithTheSameTargets() throws {
    let bench = try Bench()
    defer { bench.remove() }
    func write(_ name: String, _ stage: JSONValue) throws -> String {
      let manifest: JSONValue = [
        "name": .string(name), "seed": 3, "stages": [stage, bench.evaluate, ["stage": "save"]],
      ]
      return try bench.scratch.write(manifest.pretty, to: "\(name).json")
    }
    let pipelines = [
      try write("pruned", bench.prune(["attention", "mlp"], to: 0.9, allocator: "adapt-pruner.uniform")),
      try write("sliced", transform(bench, ["slice_head": true], to: 0.9)),
    ]
    let answer = try Program.call(
      ["compare"] + pipelines + [
        "--model", bench.model, "--output", bench.scratch.path("out"), "--targets", "0.8,0.6", "--threads",
        "2",
        "--sample-tokens", "0",
      ], in: bench.scratch, plugins: [bench.plugins])
    try #require(answer.code == 0, "\(answer.error)")
    for (name, share) in [("pruned", 0.8), ("pruned", 0.6), ("sliced", 0.8), ("sliced", 0.6)] {
      let model = try Decoder(Checkpoint.open(bench.scratch.path("out/runs/\(name)-\(share)/model")))
      #expect(Double(model.parameters) <= share * Double(Bench.whole))
    }
    let page = try String(contentsOfFile: bench.scratch.path("out/report.html"), encoding: .utf8)
    // Each method's table, from its caption to its end.
    let tables = ["pruned", "sliced"].map { method in
      page.components(separatedBy: "<caption><span><strong>\(method)</strong>").dropFirst().first?
        .components(separatedBy: "</table>").first ?? ""
    }
    #expect(tables[1].contains("residual stream before attention<small>columns of "))
    #expect(tables[0].contains("attention<small>KV groups of "))
    // Of a method that does not remove them nothing is said of groups.
    #expect(!tables[1].contains("KV groups") && !tables[0].contains("columns of"))
    let csv = try Program.call(["report", bench.scratch.path("out"), "--format", "csv"], in: bench.scratch)
    #expect(csv.output.contains("runs/sliced-0.6,sliced,0.6,3"), "\(csv.output)")
  }
}
