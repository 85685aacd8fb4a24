import Foundation
import JSON
import Testing

/// `round_to` and `same_size` in whole runs: what other programs find in config.json.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct EqualWidthsRunTests {
  private struct Run {
    let answer: Program.Answer
    let scratch: Scratch
    func json(_ name: String) throws -> JSONValue {
      try Support.json(scratch.url.appendingPathComponent("run/" + name))
    }
  }

  /// - Parameter stages: what stands before the save stage.
  private func run(_ stages: String, command: String = "run", seed: UInt64 = 5) throws -> Run {
    let scratch = Scratch()
    let model = try SmallModel(.llama, seed: seed, hidden: 16, intermediate: 64, layers: 4).write()
    defer { try? FileManager.default.removeItem(at: model) }
    try scratch.writeIDs(12, length: 24, to: "ids.json")
    let pipeline = try scratch.write(
      #"{"inputs": {"ids": "ids.json"}, "stages": [\#(stages), {"stage": "save"}]}"#, to: "pipeline.json")
    let more =
      command == "run" ? ["--model", model.path, "--output", scratch.path("run"), "--quiet"] : []
    return Run(answer: try Program.call([command, pipeline] + more, in: scratch), scratch: scratch)
  }

  private static let calibration =
    #""calibration": {"data": {"input": "ids"}, "sequences": 8, "length": 16, "batch_size": 4}"#

  private func prune(
    _ criterion: String = #""adapt-pruner.wanda-sp""#, _ allocator: String = #""adapt-pruner.uniform""#,
    target: String = "0.7", iterations: Int = 3, more: String
  ) -> String {
    """
    {"stage": "prune", "criterion": \(criterion), "allocator": \(allocator), \(Self.calibration),
     "target": \(target), "iterations": \(iterations), \(more)}
    """
  }

  @Test(arguments: [
    #""adapt-pruner.uniform""#, #""adapt-pruner.layer-distance""#, #""adapt-pruner.global""#,
    #"{"id": "adapt-pruner.flap-structure", "options": {"structure": "AL-AM"}}"#,
  ])
  func ofTheSameSizeIsAnOrdinaryModel(allocator: String) throws {
    let run = try run(prune(#""adapt-pruner.taylor""#, allocator, more: #""same_size": true, "round_to": 4"#))
    #expect(run.answer.code == 0, "\(run.answer.error)")
    let config = try run.json("model/config.json")
    let channels = try #require(config["intermediate_size"]?.integerValue, "a list")
    let groups = try #require(config["num_key_value_heads"]?.integerValue, "a list")
    #expect(config["num_attention_heads"]?.integerValue == 2 * groups)
    #expect(channels % 4 == 0 && channels > 0)
    // Within the target, and by less than four channels of each of the four layers: 3 · 16 parameters each.
    let record = try run.json("iterations/003.json")
    let parameters = try #require(record["parameters"]?.integerValue)
    let first = try run.json("iterations/001.json")
    let whole = 32 * 16 + 16 + 4 * (3 * 384 + 64 * 48 + 32)
    let goal = Int(0.7 * Double(whole))
    #expect(parameters <= goal && parameters > goal - 4 * 4 * 48, "\(parameters) of \(goal)")
    #expect(try #require(first["parameters"]?.integerValue) > parameters)
  }

  @Test func multiplesNeedNotBeTheSame() throws {
    let run = try run(
      prune(#""adapt-pruner.taylor""#, #""adapt-pruner.global""#, target: "0.6", more: #""round_to": 8"#))
    #expect(run.answer.code == 0, "\(run.answer.error)")
    let config = try run.json("model/config.json")
    let channels = config["intermediate_size"]?.arrayValue?.compactMap(\.integerValue) ?? []
    #expect(channels.count == 4 && channels.allSatisfy { $0 % 8 == 0 && $0 > 0 }, "\(config.compact)")
  }

  @Test func layersThatDifferAlreadyComeDownToTheSmallest() throws {
    let first = prune(
      #""adapt-pruner.magnitude""#, #"{"id": "adapt-pruner.uniform", "options": {"protect_first": 1}}"#,
      target: "0.9", iterations: 1, more: #""name": "first""#)
    let run = try run(first + "," + prune(target: "0.7", more: #""same_size": true"#))
    #expect(run.answer.code == 0, "\(run.answer.error)")
    #expect(try run.json("model/config.json")["intermediate_size"]?.integerValue != nil)
  }

  @Test func whatCannotBeEqualIsRefused() throws {
    let first = prune(
      #""adapt-pruner.magnitude""#, #"{"id": "adapt-pruner.uniform", "options": {"protect_last": 3}}"#,
      target: "0.8", iterations: 1, more: #""name": "first""#)
    let run = try run(first + "," + prune(target: "0.75", more: #""same_size": true"#))
    #expect(run.answer.code == 1)
    #expect(run.answer.error.contains("same_size: the smallest layer decides"), "\(run.answer.error)")
  }

  @Test(arguments: [
    (
      #""families": ["layer"], "round_to": 8"#, #""adapt-pruner.global""#,
      "has no width that could be rounded"
    ),
    (#""families": ["attention"], "round_to": 8"#, #""adapt-pruner.uniform""#, "it counts channels"),
    (
      #""same_size": true"#, #"{"id": "adapt-pruner.uniform", "options": {"budget": "published"}}"#,
      "adapt-pruner.uniform with these options goes its own way"
    ),
    (#""round_to": 0"#, #""adapt-pruner.uniform""#, "round_to"),
    (#""same_size": 1"#, #""adapt-pruner.uniform""#, "same_size"),
  ])
  func whatMeansNothingIsToldByValidate(more: String, allocator: String, words: String) throws {
    let run = try run(
      prune(#""adapt-pruner.magnitude""#, allocator, more: more),
      command: "validate")
    #expect(run.answer.code != 0)
    #expect((run.answer.error + run.answer.output).contains(words), "\(run.answer.error)")
  }

  @Test func validateSaysWhatWouldBeDone() throws {
    let run = try run(prune(more: #""same_size": true, "round_to": 8"#), command: "validate")
    #expect(run.answer.output.contains("keeps all layers at the same size"), "\(run.answer)")
    #expect(run.answer.output.contains("keeps channels in multiples of 8"))
  }

  // MARK: - What the record says

  @Test func theRecordHasWhatIsGoneAndWhetherScoresCompare() throws {
    let run = try run(prune(target: "0.8", iterations: 1, more: #""record_scores": true"#))
    #expect(run.answer.code == 0, "\(run.answer.error)")
    let record = try run.json("iterations/001.json")
    #expect(record["scores_compare"] == false)
    for layer in try #require(record["layers"]?.arrayValue) {
      for name in ["attention", "mlp"] {
        let family = try #require(layer["families"]?[name])
        let kept = try #require(family["kept"]?.arrayValue?.count)
        let original = try #require(family["original_count"]?.integerValue)
        #expect(family["sparsity"]?.numberValue == 1 - Double(kept) / Double(original))
      }
      // Less than a third is to go: no group does.
      #expect(layer["families"]?["attention"]?["sparsity"]?.numberValue == 0)
    }
    let events = try String(contentsOfFile: run.scratch.path("run/events.jsonl"), encoding: .utf8)
    #expect(events.contains("attention and mlp lose their shares apart"))
  }

  @Test func isolatedTheFamiliesAreSharedOutTheSame() throws {
    let one = try run(prune(target: "0.6", iterations: 2, more: #""record_scores": true"#))
    let other = try run(prune(target: "0.6", iterations: 2, more: #""record_scores": true, "isolate": true"#))
    #expect(other.answer.code == 0, "\(other.answer.error)")
    for part in ["iterations", "scores", "model"] {
      #expect(try one.scratch.files(below: "run/\(part)") == other.scratch.files(below: "run/\(part)"))
    }
  }
}
