import Foundation
import JSON
import Pipeline
import Testing

/// Which runs pipelines, targets and seeds come to.
@Suite struct ComparePlanTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("text.txt", "some text")
  }

  private func pipeline(_ stages: String, name: String = "one", seed: Int = 7) throws -> (
    file: String, manifest: Manifest
  ) {
    let json = "{\"name\": \"\(name)\", \"seed\": \(seed), \"stages\": [\(stages)]}"
    return ("\(name).json", try resolve(json, in: folder))
  }

  private func prune(_ target: String) -> String {
    "{\"stage\": \"prune\", \"criterion\": \"adapt-pruner.random\", \"allocator\": \"adapt-pruner.uniform\", "
      + "\"target\": \(target)}"
  }

  private let evaluate =
    "{\"stage\": \"evaluate\", \"evaluators\": [{\"id\": \"adapt-pruner.perplexity\", \"options\": {\"data\": "
    + "\"text.txt\", \"window\": 8}}]}"

  private func targets(_ manifest: Manifest) -> [Target] {
    manifest.executions.compactMap { execution in
      if let stage = execution.work as? PruneStage { stage.target } else { nil }
    }
  }

  @Test("each pipeline runs at each target with each seed, and the folder's name says what was asked for")
  func names() throws {
    let one = try pipeline(prune("0.9"))
    let two = try pipeline(prune("0.9"), name: "two: new/old", seed: 0)
    #expect(try ComparePlan([one, two], targets: [], seeds: 1).runs.map(\.name) == ["one", "two--new-old"])
    let plan = try ComparePlan([one, two], targets: [0.8, 0.55], seeds: 2)
    #expect(
      plan.runs.map(\.name) == [
        "one-0.8-seed7", "one-0.8-seed8", "one-0.55-seed7", "one-0.55-seed8", "two--new-old-0.8-seed0",
        "two--new-old-0.8-seed1", "two--new-old-0.55-seed0", "two--new-old-0.55-seed1",
      ])
    #expect(plan.runs.map(\.manifest.seed) == [7, 8, 7, 8, 0, 1, 0, 1])
  }

  @Test(
    "shares of the original model are replaced, in repeats too; counts and shares of the current model stay")
  func aiming() throws {
    let stages = [
      prune("{\"macs\": 0.95}"), prune("{\"parameters\": 0.9, \"of\": \"current\"}"), prune("120000"),
      "{\"stage\": \"repeat\", \"times\": 2, \"stages\": ["
        + prune("{\"parameters\": 0.9, \"spread_over_rounds\": true}") + "]}",
    ]
    let plan = try ComparePlan([try pipeline(stages.joined(separator: ", "))], targets: [0.5], seeds: 1)
    #expect(
      targets(plan.runs[0].manifest) == [
        Target(measure: .macs, amount: .fraction(0.5, of: .original)),
        Target(measure: .parameters, amount: .fraction(0.9, of: .current)),
        Target(measure: .parameters, amount: .count(120_000)),
        // Half of the way in each of two rounds.
        Target(measure: .parameters, amount: .fraction(0.75, of: .original)),
        Target(measure: .parameters, amount: .fraction(0.5, of: .original)),
      ])
    let counted = try pipeline(prune("120000"))
    #expect(throws: CompareError.noShareOfOriginal(pipeline: "one.json")) {
      try ComparePlan([counted], targets: [0.5], seeds: 1)
    }
  }

  @Test("the unpruned model is measured once for all pipelines with the same evaluators")
  func dense() throws {
    let one = try pipeline(evaluate + ", " + prune("0.9") + ", " + evaluate)
    let two = try pipeline(prune("0.9") + ", " + evaluate, name: "two")
    let other = evaluate.replacingOccurrences(of: "8}", with: "16}")
    let three = try pipeline(prune("0.9") + ", " + other, name: "three")
    let without = try pipeline(prune("0.9"), name: "four")
    let plan = try ComparePlan([one, two, three, without], targets: [0.9, 0.8], seeds: 2)
    #expect(plan.dense.count == 2)
    #expect(Set(plan.dense.map(\.name)).count == 2)
    #expect(
      plan.dense.allSatisfy { run in
        run.manifest.executions.count == 1 && run.name.hasPrefix("dense-") && run.manifest.seed == 7
      })
    // Another pipeline beside it leaves the name as it is.
    #expect(try ComparePlan([two], targets: [], seeds: 1).dense == [plan.dense[0]])
  }

  @Test("names that can't be told apart and seeds that there aren't are refused")
  func refused() throws {
    let one = try pipeline(prune("0.9"))
    let same = try pipeline(prune("0.8"))
    #expect(throws: CompareError.self) { try ComparePlan([one, same], targets: [], seeds: 1) }
    let dense = try pipeline(prune("0.9"), name: "dense-1")
    #expect(throws: CompareError.self) { try ComparePlan([dense], targets: [], seeds: 1) }
    let last = try pipeline(prune("0.9"), seed: .max)
    #expect(throws: CompareError.tooManySeeds(first: .max, count: 2)) {
      try ComparePlan([last], targets: [], seeds: 2)
    }
  }

  @Test("of two documents the first difference is told by its place")
  func differences() throws {
    func difference(_ left: String, _ right: String) throws -> String? {
      EarlierRun.difference(try JSONValue(parsing: left), try JSONValue(parsing: right), at: .root).map {
        "\($0.path): \($0.recorded), \($0.found)"
      }
    }
    #expect(try difference("{\"a\": [1, {\"b\": 2}]}", "{\"a\": [1.0, {\"b\": 2}]}") == nil)
    #expect(try difference("{\"a\": [1, {\"b\": 2}]}", "{\"a\": [1, {\"b\": 3}]}") == "a[1].b: 2, 3")
    #expect(try difference("{\"a\": 1}", "{\"a\": 1, \"c\": \"x\"}") == "c: missing, “x”")
    #expect(try difference("{\"a\": [1]}", "{\"a\": [1, 2]}") == "a: a list of 1, a list of 2")
  }
}
