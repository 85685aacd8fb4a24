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

/// Whole runs that remove layers, then sublayers, then parts of what is left, with training in between.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct DepthRunTests {
  /// 6 layers of 1168 parameters in attention and as many in the MLP, norms included, and 1040 outside of them.
  struct Bench {
    static let whole = 15_056
    let scratch = Scratch()
    let model: String
    let data: JSONValue
    let tokens: String
    let plugins: String

    init() throws {
      model = try SmallModel(.untied, seed: 31, hidden: 16, intermediate: 24, layers: 6).write().path
      data = ["path": .string(try scratch.writeIDs(16, length: 24)), "format": "ids"]
      tokens = try scratch.writeTokens(40, length: 30)
      plugins = scratch.path("plugins")
      try scratch.write(
        """
        {"library": "libfixture.so", "abi": {"major": 1, "minor": 0}, "plugins": [
          {"id": "fixture.lowest-blocks", "kind": "allocator", "version": "1.0.0", "summary": "A fixture."}]}
        """, to: "plugins/plugin.json")
      try Compiler.compile(
        Support.package.appendingPathComponent("Tests/Fixtures/plugins/lowest_blocks.c").path,
        to: scratch.path("plugins/libfixture.so"),
        include: Support.package.appendingPathComponent("Sources/PluginABI/include").path)
    }

    func prune(
      _ families: [String], to target: JSONValue, iterations: Int = 1,
      criterion: JSONValue = "adapt-pruner.magnitude", allocator: JSONValue = "fixture.lowest-blocks",
      compensator: JSONValue? = nil
    ) -> JSONValue {
      var stage: JSONObject = [
        "stage": "prune", "criterion": criterion, "allocator": allocator, "target": target,
        "calibration": ["data": data, "sequences": 8, "length": 24, "batch_size": 4],
        "iterations": .integer(iterations), "families": .array(families.map { .string($0) }),
        "record_scores": true,
      ]
      stage["compensator"] = compensator
      return .object(stage)
    }

    func train(_ recovery: JSONValue = "full") -> JSONValue {
      [
        "stage": "train", "data": .array([["path": .string(tokens)]]), "recovery": recovery, "steps": 6,
        "length": 16, "batch_size": 2, "optimizer": ["learning_rate": 0.005], "checkpoint_steps": 2,
      ]
    }

    var evaluate: JSONValue {
      [
        "stage": "evaluate",
        "evaluators": [["id": "adapt-pruner.perplexity", "options": ["data": data, "window": 24]]],
      ]
    }

    func start(_ output: String, _ stages: [JSONValue]) throws -> Program.Running {
      let manifest: JSONValue = ["name": "depth", "seed": 7, "stages": .array(stages)]
      let pipeline = try scratch.write(manifest.pretty, to: "\(output).json")
      return try Program.start(
        [
          "run", pipeline, "--model", model, "--output", scratch.path(output), "--threads", "2", "--quiet",
        ], in: scratch, plugins: [plugins])
    }

    func resume(_ output: String) throws -> Program.Answer {
      try Program.call(["resume", scratch.path(output), "--quiet"], in: scratch, plugins: [plugins])
    }

    func json(_ name: String) throws -> JSONValue {
      try Support.json(scratch.url.appendingPathComponent(name))
    }

    /// The kept units of a family by layer, after an iteration.
    func kept(_ family: String, _ output: String, iteration: Int) throws -> [[Int]] {
      let record = try json("\(output)/iterations/00\(iteration).json")
      return try #require(record["layers"]?.arrayValue).map {
        $0["families"]?[family]?["kept"]?.integers ?? [-1]
      }
    }

    func remove() { try? FileManager.default.removeItem(atPath: model) }
  }

  /// Layers in two rounds with training, then sublayers, then groups and channels of the rest, and training again.
  private func stages(_ bench: Bench) -> [JSONValue] {
    [
      [
        "stage": "repeat", "times": 2,
        "stages": [
          bench.prune(
            ["layer"], to: ["parameters": 0.7, "spread_over_rounds": true], criterion: "adapt-pruner.taylor"),
          bench.train(),
        ],
      ],
      bench.prune(["mlp_block", "attention_block"], to: 0.6, iterations: 2),
      bench.train(["kind": "distill", "hidden_weight": 0.5]),
      bench.prune(["attention", "mlp"], to: 0.5, iterations: 2, allocator: "adapt-pruner.uniform"),
      bench.train("lora"), bench.evaluate, ["stage": "save"],
    ]
  }

  private func result(_ bench: Bench, _ output: String) throws -> [String: Data] {
    try bench.scratch.files(below: output).filter { name, _ in
      ["model/", "iterations/", "scores/"].contains { name.hasPrefix($0) }
    }
  }

  @Test func layersThenSublayersThenWidthsLeaveAndTheRunIsTakenUpAfterAnyOfThem() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let whole = try bench.start("whole", stages(bench)).wait()
    try #require(whole.code == 0, "\(whole.error)")

    // A layer of six in each round; what is gone stays gone, under its own number.
    let first = try bench.kept("layer", "whole", iteration: 1)
    let second = try bench.kept("layer", "whole", iteration: 2)
    #expect(first.count == 6 && second.count == 6)
    #expect(first.count { $0 == [] } == 1 && second.count { $0 == [] } == 2)
    for (before, after) in zip(first, second) where before == [] { #expect(after == []) }
    let sizes = try (1...6).map {
      try bench.json("whole/iterations/00\($0).json")["parameters"]?.integerValue
    }
    #expect(Array(sizes.prefix(2)) == [Bench.whole - 2336, Bench.whole - 2 * 2336])
    // 0.6 is two sublayers further, one an iteration.
    #expect(Array(sizes[2..<4]) == [Bench.whole - 2 * 2336 - 1168, Bench.whole - 2 * 2336 - 2 * 1168])
    let attention = try bench.kept("attention_block", "whole", iteration: 4)
    let mlp = try bench.kept("mlp_block", "whole", iteration: 4)
    #expect((attention + mlp).count { $0 == [] } == 2 * 2 + 2)
    // Widths: every layer that has something keeps something, and nothing comes back.
    let groups = try bench.kept("attention", "whole", iteration: 6)
    let channels = try bench.kept("mlp", "whole", iteration: 6)
    #expect(groups.map(\.isEmpty) == attention.map(\.isEmpty))
    #expect(channels.map(\.isEmpty) == mlp.map(\.isEmpty))
    let final = try #require(sizes[5])
    #expect(final <= Bench.whole / 2 && final > Bench.whole / 2 - 48)
    // An MLP is not asked for more since its layer's attention is gone: 520 of 8 × 1152 is 6 %, at most 3 channels more.
    let lost = channels.filter { !$0.isEmpty }.map { 24 - $0.count }
    #expect(lost.allSatisfy { $0 <= 5 }, "\(lost)")

    let saved = try Decoder(Checkpoint.open(bench.scratch.path("whole/model")))
    #expect(saved.parameters == final)
    #expect(saved.layerCount == zip(attention, mlp).count { !$0.isEmpty || !$1.isEmpty })
    let scores = try SafetensorsFile(path: bench.scratch.path("whole/scores/004.safetensors"))
    #expect(scores.tensors.count == 7, "one for each sublayer that was there")
    let page = try String(contentsOfFile: bench.scratch.path("whole/report.html"), encoding: .utf8)
    for words in ["Kept layers (layers as a whole)", "Kept attention blocks", "Kept MLP blocks", "0 of 1"] {
      #expect(page.contains(words), "\(words)")
    }

    // Killed as soon as the log has so many stages behind it: after layers, after training without them, after
    // sublayers, after training without those.
    for finished in [1, 2, 5, 6, 7] {
      let output = "killed-\(finished)"
      let running = try bench.start(output, stages(bench))
      let events = bench.scratch.path("\(output)/events.jsonl")
      while running.process.isRunning {
        let text = (try? String(contentsOfFile: events, encoding: .utf8)) ?? ""
        if text.ranges(of: "\"stage_finished\"").count >= finished {
          kill(running.process.processIdentifier, SIGKILL)
        }
        usleep(500)
      }
      if try running.wait().code != 0 {
        let resumed = try bench.resume(output)
        #expect(resumed.code == 0, "\(resumed.error)")
      }
      let (found, expected) = (try result(bench, output), try result(bench, "whole"))
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (name, bytes) in expected { #expect(found[name] == bytes, "after \(finished) stages: \(name)") }
    }
  }

  /// Shortened LLaMA (arXiv 2402.02834, section 3.1): Σ |w · ∂L/∂w| over all matrices of the block.
  @Test(arguments: ["consistent", "published"])
  func taylorScoresABlockByTheSumOverItsWeights(_ fold: String) throws {
    let bench = try Bench()
    defer { bench.remove() }
    let criterion: JSONValue = ["id": "adapt-pruner.taylor", "options": ["gqa_fold": .string(fold)]]
    let answer = try bench.start(
      "run",
      [
        bench.prune(["layer"], to: 0.9, criterion: criterion),
        bench.prune(["attention_block", "mlp_block"], to: 0.8, criterion: criterion),
      ]
    ).wait()
    try #require(answer.code == 0, "\(answer.error)")
    let decoder = try Decoder(Checkpoint.open(bench.model))
    let ids = try Support.json(bench.scratch.url.appendingPathComponent("ids.json")).arrayValue ?? []
    let sequences = ids.prefix(8).map { $0.integers.map { Int32($0) } }

    func products() throws -> [String: Double] {
      var sums: [String: Double] = [:]
      _ = try decoder.calibrate(
        CalibrationRequest(sequences: Array(sequences), batchSize: 4, gradients: .sum),
        workers: Workers(count: 2)
      ) { layer in
        for (weight, gradient) in zip(layer.weights.named, try #require(layer.gradients).named)
        where !weight.isVector {
          let sum = (0..<weight.rows * weight.columns).reduce(0.0) {
            $0 + abs(Double(weight.base[$1]) * Double(gradient.base[$1]))
          }
          let block = weight.name.hasPrefix("mlp") ? "mlp_block" : "attention_block"
          sums["layers.\(layer.layer).\(block)", default: 0] += sum
          sums["layers.\(layer.layer).layer", default: 0] += sum
        }
      }
      return sums
    }
    func check(_ number: Int, _ suffix: String, count: Int) throws {
      let expected = try products().filter { $0.key.hasSuffix(suffix) }
      let scores = try SafetensorsFile(path: bench.scratch.path("run/scores/00\(number).safetensors"))
      #expect(scores.tensors.count == count && expected.count == count)
      for (name, value) in expected {
        let found = try scores.tensor(named: name).floats()
        #expect(relativeError(found, [value]) < 1e-5, "\(name): \(found) and \(value)")
      }
    }
    try check(1, ".layer", count: 6)
    let gone = try bench.kept("layer", "run", iteration: 1).indices.filter {
      try bench.kept("layer", "run", iteration: 1)[$0].isEmpty
    }
    for layer in gone { try decoder.keep([], of: .layer, layer: layer) }
    #expect(gone.count == 1)
    try check(2, "_block", count: 10)
  }

  /// ShortGPT: what turns the residual stream least leaves, found by the statistic that InputStatisticsTests checks
  /// against PyTorch.
  @Test(arguments: [["layer"], ["attention_block", "mlp_block"]])
  func theBlocksOfLeastInfluenceLeave(_ families: [String]) throws {
    let bench = try Bench()
    defer { bench.remove() }
    let answer = try bench.start(
      "run",
      [
        bench.prune(
          families, to: .integer(Bench.whole - 2 * 2336), criterion: "adapt-pruner.block-influence",
          allocator: ["id": "adapt-pruner.global", "options": ["worth": "score"]])
      ]
    ).wait()
    try #require(answer.code == 0, "\(answer.error)")

    let ids = try Support.json(bench.scratch.url.appendingPathComponent("ids.json")).arrayValue ?? []
    var request = CalibrationRequest(
      sequences: ids.prefix(8).map { $0.integers.map { Int32($0) } }, batchSize: 4, gradients: .none)
    request.blockCosines = true
    var influences: [(name: String, value: Double)] = []
    _ = try Decoder(Checkpoint.open(bench.model)).calibrate(request, workers: Workers(count: 2)) { layer in
      let cosines = try #require(layer.cosines)
      for (family, cosine) in [
        ("layer", cosines.layer), ("attention_block", cosines.attention), ("mlp_block", cosines.mlp),
      ] where families.contains(family) {
        influences.append(("layers.\(layer.layer).\(family)", 1 - cosine))
      }
    }
    let scores = try SafetensorsFile(path: bench.scratch.path("run/scores/001.safetensors"))
    #expect(scores.tensors.count == influences.count)
    for (name, value) in influences {
      #expect(relativeError(try scores.tensor(named: name).floats(), [value]) < 1e-5, "\(name)")
    }
    let least = influences.sorted { $0.value < $1.value }.prefix(families.count * 2).map(\.name).sorted()
    var gone: [String] = []
    for family in families {
      for (layer, kept) in try bench.kept(family, "run", iteration: 1).enumerated() where kept.isEmpty {
        gone.append("layers.\(layer).\(family)")
      }
    }
    #expect(gone.sorted() == least)
  }

  @Test func everyAttentionMayGoAndOneLayerMustStay() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let attention = try bench.start(
      "attention",
      [
        bench.prune(["attention_block"], to: .integer(Bench.whole - 6 * 1168)), bench.train(), bench.evaluate,
        ["stage": "save"],
      ]
    ).wait()
    try #require(attention.code == 0, "\(attention.error)")
    let saved = try Decoder(Checkpoint.open(bench.scratch.path("attention/model")))
    #expect(saved.layerCount == 6 && saved.allSizes.allSatisfy { !$0.hasAttention && $0.hasMLP })

    let one = try bench.start("one", [bench.prune(["layer"], to: .integer(1040 + 2336)), ["stage": "save"]])
      .wait()
    try #require(one.code == 0, "\(one.error)")
    #expect(try Decoder(Checkpoint.open(bench.scratch.path("one/model"))).layerCount == 1)

    func refusal(_ name: String, _ stage: JSONValue) throws -> String {
      let answer = try bench.start(name, [stage]).wait()
      #expect(answer.code == 1)
      return answer.error
    }
    let few = try refusal("few", bench.prune(["layer"], to: .integer(1040 + 2335)))
    #expect(
      few.contains("out of reach") && few.contains("at least one sublayer or layer staying")
        && few.contains("3376"), "\(few)")
    let blocks = try refusal(
      "blocks", bench.prune(["attention_block", "mlp_block"], to: .integer(1040 + 1167)))
    #expect(blocks.contains("out of reach") && blocks.contains("2208"), "\(blocks)")
    let nothing = try refusal(
      "nothing",
      bench.prune(
        ["layer"], to: 0.5, allocator: ["id": "fixture.lowest-blocks", "options": ["everything": true]]))
    #expect(nothing.contains("at least one sublayer must stay"), "\(nothing)")
  }

  @Test(arguments: ["adapt-pruner.uniform", "adapt-pruner.layer-distance"], ["exact", "published"])
  func allocatorsThatShareOutRefuseWholeLayers(_ allocator: String, _ budget: String) throws {
    let bench = try Bench()
    defer { bench.remove() }
    for family in ["layer", "mlp_block"] {
      let answer = try bench.start(
        "run-\(family)",
        [
          bench.prune(
            [family], to: 0.8,
            allocator: ["id": .string(allocator), "options": ["budget": .string(budget)]])
        ]
      ).wait()
      #expect(answer.code == 1)
      #expect(
        answer.error.contains("the units of family \"\(family)\" are whole sublayers or layers"),
        "\(answer.error)")
    }
  }
}
