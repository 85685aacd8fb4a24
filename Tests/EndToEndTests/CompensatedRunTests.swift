import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

#if canImport(Glibc)
  import Glibc
#endif

/// Whole runs whose prune stages change what is left.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct CompensatedRunTests {
  private typealias Bench = DepthRunTests.Bench

  /// Two rounds of two iterations with least squares, then biases, then training.
  private func stages(_ bench: Bench) -> [JSONValue] {
    [
      [
        "stage": "repeat", "times": 2,
        "stages": [
          bench.prune(
            ["attention", "mlp"], to: ["parameters": 0.8, "spread_over_rounds": true], iterations: 2,
            criterion: "adapt-pruner.wanda-sp", allocator: "adapt-pruner.uniform",
            compensator: ["id": "adapt-pruner.least-squares", "options": ["inputs": "cut"]])
        ],
      ],
      bench.prune(
        ["attention", "mlp"], to: 0.6, criterion: "adapt-pruner.flap",
        allocator: "adapt-pruner.flap-structure", compensator: "adapt-pruner.flap-bias"),
      bench.train(), bench.evaluate, ["stage": "save"],
    ]
  }

  private func result(_ bench: Bench, _ output: String) throws -> [String: Data] {
    try bench.scratch.files(below: output).filter { name, _ in
      ["model/", "iterations/", "scores/"].contains { name.hasPrefix($0) }
    }
  }

  @Test func theRunEndsOnItsTargetWithItsBiasesAndIsTakenUpAfterAnyStage() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let whole = try bench.start("whole", stages(bench)).wait()
    try #require(whole.code == 0, "\(whole.error)")
    let saved = try Decoder(Checkpoint.open(bench.scratch.path("whole/model")))
    // Biases count: o and down of six layers, 16 each.
    #expect(saved.parameters <= Bench.whole * 6 / 10 && saved.parameters > Bench.whole * 6 / 10 - 48)
    #expect(
      saved.allSizes.allSatisfy { $0.biases == Biases(attentionOutput: true, down: true) })
    #expect(!bench.scratch.exists("whole/state"))

    for finished in 1...4 {
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

  /// Least squares can only come nearer to the whole model's logits on the text that it was solved on.
  @Test(arguments: ["uncut", "cut"]) func leastSquaresComesNearerToTheWholeModel(_ inputs: String) throws {
    let bench = try Bench()
    defer { bench.remove() }
    func pruned(_ output: String, _ compensator: JSONValue?) throws -> Decoder {
      let answer = try bench.start(
        output,
        [
          bench.prune(
            ["mlp"], to: 0.85, criterion: "adapt-pruner.wanda-sp", allocator: "adapt-pruner.uniform",
            compensator: compensator), ["stage": "save"],
        ]
      ).wait()
      try #require(answer.code == 0, "\(answer.error)")
      return try Decoder(Checkpoint.open(bench.scratch.path("\(output)/model")))
    }
    let dense = try Decoder(Checkpoint.open(bench.model))
    let plain = try pruned("plain", nil)
    let solved = try pruned(
      "solved", ["id": "adapt-pruner.least-squares", "options": ["inputs": .string(inputs), "ridge": 1e-6]])
    #expect(plain.parameters == solved.parameters)
    let ids = try Support.json(bench.scratch.url.appendingPathComponent("ids.json")).arrayValue ?? []
    func distance(_ decoder: Decoder) throws -> Double {
      let workers = Workers(count: 2)
      return try ids.prefix(8).map { $0.integers.map { Int32($0) } }.reduce(0) { sum, sequence in
        zip(try decoder.logits(sequence, workers: workers), try dense.logits(sequence, workers: workers))
          .reduce(sum) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      }
    }
    let (before, after) = (try distance(plain), try distance(solved))
    #expect(after < (inputs == "cut" ? 0.5 : 0.9) * before, "\(after) of \(before)")
  }

  @Test func aCompensatorOfWholeBlocksIsRefused() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let answer = try bench.start(
      "refused", [bench.prune(["layer"], to: 0.8, compensator: "adapt-pruner.flap-bias")]
    ).wait()
    #expect(answer.code != 0 && answer.error.contains("stages[0].compensator"), "\(answer.error)")
  }
}
