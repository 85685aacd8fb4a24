import Checkpoints
import Foundation
import JSON
import Testing

#if canImport(Glibc)
  import Glibc
#endif

/// Runs of several rounds whose optimizers go on, with whatever may stand between one round's training and the next's.
@Suite(.serialized, .enabled(if: Program.isBuilt, Program.missing))
struct CarriedMomentsRunTests {
  private typealias Bench = DepthRunTests.Bench

  private func rounds(_ stages: [JSONValue], times: Int = 2) -> JSONValue {
    ["stage": "repeat", "times": .integer(times), "stages": .array(stages)]
  }

  /// A pull so strong that least squares leaves the weights where they are.
  private static let nothing: JSONValue = ["id": "adapt-pruner.least-squares", "options": ["ridge": 1e12]]

  private func prune(
    _ bench: Bench, to share: Double, _ families: [String] = ["attention", "mlp"],
    compensator: JSONValue? = nil
  ) -> JSONValue {
    bench.prune(
      families, to: ["parameters": .number(share), "spread_over_rounds": true],
      allocator: families == ["layer"] ? "fixture.lowest-blocks" : "adapt-pruner.uniform",
      compensator: compensator)
  }

  /// Trains a step's length of nothing.
  private func idle(_ bench: Bench, _ name: String = "idle") -> JSONValue {
    var stage = bench.train().objectValue ?? [:]
    stage["name"] = .string(name)
    stage["optimizer"] = ["learning_rate": 1e-30]
    return .object(stage)
  }

  private func saved(_ bench: Bench, _ name: String, _ stages: [JSONValue]) throws -> SafetensorsFile {
    let answer = try bench.start(name, stages + [["stage": "save", "type": "float32"]]).wait()
    try #require(answer.code == 0, "\(name): \(answer.error)")
    return try SafetensorsFile(path: bench.scratch.path("\(name)/model/model.safetensors"))
  }

  /// Whatever writes the model anew and changes nothing else leaves the end of the run as it is.
  @Test func whatChangesNothingBetweenRoundsChangesNothingAtTheEnd() throws {
    let bench = try Bench()
    defer { bench.remove() }
    let plain = try saved(bench, "plain", [rounds([prune(bench, to: 0.7), bench.train()])])
    let others: [(String, [JSONValue])] = [
      ("compensated", [prune(bench, to: 0.7, compensator: Self.nothing), bench.train()]),
      ("trained", [prune(bench, to: 0.7), bench.train(), idle(bench)]),
      ("before", [idle(bench), prune(bench, to: 0.7), bench.train()]),
      (
        "both",
        [
          idle(bench), prune(bench, to: 0.7, compensator: Self.nothing), idle(bench, "again"), bench.train(),
          idle(bench, "last"),
        ]
      ),
    ]
    #expect(!plain.tensors.isEmpty)
    for (name, stages) in others {
      let other = try saved(bench, name, [rounds(stages)])
      #expect(other.tensorNames == plain.tensorNames, "\(name)")
      for (tensor, stored) in plain.tensors {
        let (expected, found) = (try stored.floats(), try other.tensor(named: tensor).floats())
        try #require(found.count == expected.count, "\(name): \(tensor)")
        let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
        #expect(difference < 1e-4, "\(name): \(tensor) is away by \(difference)")
      }
    }
  }

  /// Of each kind of pipeline a run that is killed after any of its stages ends with the bytes of an undisturbed one.
  private func survives(_ stages: [JSONValue], of bench: Bench) throws {
    let end: [JSONValue] = [bench.evaluate, ["stage": "save"]]
    let whole = try bench.start("whole", stages + end).wait()
    try #require(whole.code == 0, "\(whole.error)")
    func result(_ output: String) throws -> [String: Data] {
      try bench.scratch.files(below: output).filter { name, _ in
        ["model/", "iterations/", "scores/"].contains { name.hasPrefix($0) }
      }
    }
    let log = try String(contentsOfFile: bench.scratch.path("whole/events.jsonl"), encoding: .utf8)
    let expected = try result("whole")
    for finished in 1..<log.ranges(of: "\"stage_finished\"").count - 1 {
      let output = "killed-\(finished)"
      let running = try bench.start(output, stages + end)
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
      let found = try result(output)
      #expect(found.keys.sorted() == expected.keys.sorted())
      for (name, bytes) in expected { #expect(found[name] == bytes, "after \(finished) stages: \(name)") }
    }
  }

  /// Biases come into being in the first round, layers and parts of them leave in both, two stages carry moments.
  @Test func layersThenPartsWithNewBiasesLeaveBetweenTwoStagesThatCarryMoments() throws {
    let bench = try Bench()
    defer { bench.remove() }
    var second = bench.train("norms-and-biases").objectValue ?? [:]
    second["name"] = "vectors"
    try survives(
      [
        rounds([
          prune(bench, to: 0.8, ["layer"]), bench.train(),
          bench.prune(
            ["attention", "mlp"], to: ["parameters": 0.65, "spread_over_rounds": true], iterations: 2,
            criterion: "adapt-pruner.flap", allocator: "adapt-pruner.uniform",
            compensator: "adapt-pruner.flap-bias"), .object(second),
        ])
      ], of: bench)
  }

  @Test func aStageInNestedRepeatsCarriesItsMomentsThroughAllOfThem() throws {
    let bench = try Bench()
    defer { bench.remove() }
    try survives(
      [
        rounds([
          rounds([prune(bench, to: 0.6, compensator: "adapt-pruner.least-squares"), bench.train()]),
          idle(bench),
        ])
      ], of: bench)
  }
}
