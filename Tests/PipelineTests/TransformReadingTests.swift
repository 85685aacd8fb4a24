import Foundation
import JSON
import Pipeline
import Testing
import Transformer

/// A pipeline with one transform stage and more members.
func transforming(
  _ members: String = "", options: String = "{}", calibration: String = "{\"data\": \"text.txt\"}",
  before: String = "", after: String = ""
) -> String {
  """
  {"stages": [\(before){"stage": "transform", "transform": {"id": "adapt-pruner.slicegpt", "options": \(options)},
    "calibration": \(calibration)\(members.isEmpty ? "" : ", " + members)}\(after)]}
  """
}

@Suite struct TransformReadingTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try folder.write("text.txt", "some text")
  }

  private func stage(_ manifest: Manifest) throws -> TransformStage {
    let works = manifest.executions.compactMap { execution -> TransformStage? in
      if let stage = execution.work as? TransformStage { stage } else { nil }
    }
    return try #require(works.first)
  }

  @Test func everythingLeftOpenIsFilledInAndResolvesAgain() throws {
    let manifest = try resolve(transforming("\"target\": {\"parameters\": 0.7}"), in: folder)
    let stage = try stage(manifest)
    #expect(stage.target == Target(measure: .parameters, amount: .fraction(0.7, of: .original)))
    #expect(stage.calibration.sequences == 64 && stage.calibration.length == 64)
    #expect(stage.transform.options["spread"] == "constant")
    #expect(try resolve(manifest.json.compact, in: folder).json == manifest.json)
    let fixed = try resolve(transforming(options: "{\"sparsity\": 0.2}"), in: folder)
    #expect(try self.stage(fixed).target == nil)
    #expect(try resolve(fixed.json.compact, in: folder).json == fixed.json)
  }

  @Test func itSaysWhatItWillDo() throws {
    let text = PipelineText.description(of: try resolve(transforming("\"target\": 0.7"), in: folder))
    #expect(text.contains("slices the residual stream to 70.0% of the original parameters"))
    #expect(text.contains("turns it by adapt-pruner.slicegpt (spread=constant"))
    #expect(text.contains("calibrates on 64 × 64 tokens"))
  }

  @Test func aTargetIsGivenOnceAndNotTwice() throws {
    #expect(
      try problems(transforming(), in: folder) == [
        "pipeline.json: stages[0].target: missing, expected a target, or an option of adapt-pruner.slicegpt that says how "
          + "wide the stream becomes"
      ])
    #expect(
      try problems(transforming("\"target\": 0.8", options: "{\"sparsity\": 0.2}"), in: folder) == [
        "pipeline.json: stages[0].target: the options of adapt-pruner.slicegpt say how wide the stream becomes already; "
          + "leave out the target or that option"
      ])
  }

  @Test func whatChangesTheModelBehindATransformIsRefused() throws {
    let prune =
      "{\"stage\": \"prune\", \"criterion\": \"adapt-pruner.random\", \"allocator\": \"adapt-pruner.uniform\", "
      + "\"target\": 0.8}"
    let train = "{\"stage\": \"train\", \"data\": \"text.txt\", \"steps\": 1}"
    let slice = transforming("\"target\": 0.5", before: prune + ", " + train + ", ", after: "")
    #expect(try problems(slice, in: folder) == [])
    for (after, label) in [(prune, "prune"), (train, "train")] {
      let found = try problems(transforming("\"target\": 0.8", after: ", " + after), in: folder)
      #expect(found.count == 1)
      #expect(
        found.first?.hasPrefix(
          "pipeline.json: stages[1]: \"\(label)\" would change a model whose residual stream \"transform\" has sliced, "
            + "expected only evaluate and save stages behind a transform stage") == true, "\(found)")
    }
    let twice = transforming("\"target\": 0.8").replacing("{\"stages\": [", with: "")
    let repeated =
      "{\"stages\": [{\"stage\": \"repeat\", \"times\": 2, \"stages\": [" + twice.dropLast(3) + "}]}]}"
    let again = try problems(repeated, in: folder)
    #expect(again.contains { $0.contains("\"transform.2\" would change") }, "\(again)")
  }

  @Test func aComparisonSetsItsTargetToo() throws {
    let manifest = try resolve(transforming("\"target\": 0.8"), in: folder)
    let plan = try ComparePlan([("slice.json", manifest)], targets: [0.6], seeds: 1)
    let aimed = try #require(plan.runs.first?.manifest)
    #expect(try stage(aimed).target == Target(measure: .parameters, amount: .fraction(0.6, of: .original)))
    let fixed = try resolve(transforming(options: "{\"sparsity\": 0.2}"), in: folder)
    #expect(throws: CompareError.noShareOfOriginal(pipeline: "slice.json")) {
      try ComparePlan([("slice.json", fixed)], targets: [0.6], seeds: 1)
    }
  }
}
