import Foundation
import JSON
import Pipeline
import Testing

/// What the rounds of a repeat do: how far each prunes, how much each trains, and how the learning rate runs through them.
@Suite struct RoundsTests {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("text.txt", "some text")
  }

  private func interleaved(rounds: Int, share: String, steps: Int, target: String) -> String {
    """
    {"stages": [{"stage": "repeat", "times": \(rounds), "stages": [
      {"stage": "prune", "criterion": "adapt-pruner.random", "allocator": "adapt-pruner.uniform",
       "target": \(target)},
      {"stage": "train", "data": "text.txt", "steps": \(steps), "share": "\(share)"}]}]}
    """
  }

  private func steps(_ json: String) throws -> [Int] {
    try resolve(json, in: folder).executions.compactMap { execution in
      guard let stage = execution.work as? TrainStage else { return nil }
      return stage.steps(in: execution.round)
    }
  }

  private func targets(_ json: String) throws -> [Target] {
    try resolve(json, in: folder).executions.compactMap { execution in
      if let stage = execution.work as? PruneStage { stage.target } else { nil }
    }
  }

  // Σ 1…5 = 15; ⌊10 · 2i/12⌋ with what is left last; 300 / 4 and 10 / 3 with what is left last.
  @Test(arguments: [
    ("linear", 300, [20, 40, 60, 80, 100]), ("linear", 10, [1, 3, 6]), ("constant", 300, [75, 75, 75, 75]),
    ("constant", 10, [3, 3, 4]), ("linear", 7, [7]),
  ])
  func theStepsAreSharedAmongTheRounds(share: String, total: Int, expected: [Int]) throws {
    let json = interleaved(
      rounds: expected.count, share: share, steps: total, target: "{\"parameters\": 0.5}")
    #expect(try steps(json) == expected)
  }

  @Test func withoutARepeatAllStepsAreTakenAtOnce() throws {
    #expect(try steps(training("\"share\": \"linear\"")) == [10])
  }

  @Test func nestedRepeatsAreRoundsOfOneTraining() throws {
    let json = """
      {"stages": [{"stage": "repeat", "times": 2, "stages": [{"stage": "repeat", "times": 2, "stages": [
        {"stage": "train", "data": "text.txt", "steps": 100, "share": "linear"}]}]}]}
      """
    #expect(try steps(json) == [10, 20, 30, 40])
    #expect(
      try resolve(json, in: folder).executions.map(\.label) == [
        "train.1.1", "train.1.2", "train.2.1", "train.2.2",
      ])
  }

  @Test func aTargetIsApproachedInEqualStepsAndMetInTheLastRound() throws {
    // 1 − 0.4 · 1/4, 1 − 0.4 · 2/4, …
    let json = interleaved(
      rounds: 4, share: "constant", steps: 4, target: "{\"macs\": 0.6, \"spread_over_rounds\": true}")
    let targets = try targets(json)
    #expect(targets.map(\.measure) == [.macs, .macs, .macs, .macs])
    #expect(targets.count == 4)
    for (target, share) in zip(targets, [0.9, 0.8, 0.7, 0.6]) {
      guard case .fraction(let found, .original) = target.amount else { throw Unexpected() }
      #expect(abs(found - share) < 1e-12)
    }
  }

  @Test func aTargetThatIsNotSpreadIsEveryRounds() throws {
    let json = interleaved(
      rounds: 2, share: "constant", steps: 4, target: "{\"parameters\": 0.9, \"of\": \"current\"}")
    #expect(
      try targets(json)
        == [Target](repeating: Target(measure: .parameters, amount: .fraction(0.9, of: .current)), count: 2))
  }

  @Test(arguments: ["1000000", "0.5, \"of\": \"current\""])
  func onlyAShareOfTheOriginalCanBeSpread(amount: String) throws {
    let json = pruning(target: "{\"parameters\": \(amount), \"spread_over_rounds\": true}")
    #expect(
      try problems(json, in: folder) == [
        "pipeline.json: stages[0].target.spread_over_rounds: only a share of the original model can be approached "
          + "from round to round; give a share, without \"of\""
      ])
  }
}

@Suite struct ScheduleTests {
  private struct Case {
    let schedule: Schedule
    let total: Int
    let multipliers: [Double]
    let decayType: String?
  }

  /// What transformers' schedules give; `Tests/Fixtures/training/README.md` says how it was made.
  private static func cases() throws -> [Case] {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/training/schedules.json")
    let list = try #require(JSONValue(parsing: Array(Data(contentsOf: file))).arrayValue)
    return try list.map { value in
      let kind = try #require(value["schedule"]?.stringValue.flatMap(Schedule.Kind.init(rawValue:)))
      // A constant rate has no end; the others' is this one too.
      let total = value["num_training_steps"]?.integerValue ?? 20
      func share(_ key: String) -> Double { Double(value[key]?.integerValue ?? 0) / Double(total) }
      return Case(
        schedule: Schedule(
          kind: kind, warmup: share("num_warmup_steps"), decay: share("num_decay_steps"),
          minimum: value["min_lr_ratio"]?.numberValue ?? 0), total: total,
        multipliers: try #require(value["multipliers"]?.arrayValue).compactMap(\.numberValue),
        decayType: value["decay_type"]?.stringValue)
    }
  }

  @Test func theSchedulesAreTransformers() throws {
    var seen: Set<String> = []
    for item in try Self.cases() where item.decayType ?? "linear" == "linear" {
      let schedule = item.schedule
      // There the warm-up differs: see the next test.
      let first = schedule.minimum > 0 ? Int(schedule.warmup * Double(item.total)) : 0
      #expect(item.multipliers.count == 24)
      for (step, multiplier) in item.multipliers.enumerated() where step >= first {
        let factor = schedule.factor(step: step, total: item.total)
        #expect(abs(factor - multiplier) < 1e-12, "\(schedule), step \(step)")
      }
      seen.insert("\(schedule.kind) \(schedule.warmup > 0) \(schedule.minimum > 0)")
    }
    #expect(seen.count == 10)
  }

  /// Adapt-Pruner's `CustomWSDScheduler` with 300 steps in all: from 0 over 15, from step 270 down to the minimum.
  @Test func theWSDScheduleIsThePublishedOne() {
    let schedule = Schedule(kind: .wsd, warmup: 0.05, decay: 0.1, minimum: 0.1)
    let expected = [
      0: 0, 3: 0.2, 14: 14.0 / 15, 15: 1, 269: 1, 270: 1, 280: 0.7, 285: 0.55, 299: 0.13, 300: 0.1, 310: 0.1,
    ]
    for (step, factor) in expected {
      #expect(abs(schedule.factor(step: step, total: 300) - factor) < 1e-12, "step \(step)")
    }
  }

  @Test func aShareOfAStepIsAStepOfWarmUp() {
    // TrainingArguments.get_warmup_steps: ⌈0.03 · 50⌉ = 2.
    let schedule = Schedule(kind: .constant, warmup: 0.03, decay: 0, minimum: 0)
    #expect((0..<4).map { schedule.factor(step: $0, total: 50) } == [0, 0.5, 1, 1])
  }
}
