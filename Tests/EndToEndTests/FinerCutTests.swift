import Checkpoints
import Foundation
import JSON
import Pipeline
import Testing
import Transformer

/// FinerCut's greedy removal on small models, against PyTorch that runs every model without one more sublayer by itself at
/// every step (scripts/make-removal-fixtures.py).
@Suite(.enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct FinerCutTests {
  private static let fixtures = Support.package.appendingPathComponent("Tests/Fixtures")

  @Test(arguments: ["llama", "qwen3"])
  func sublayersLeaveInTheOrderThatBruteForceFinds(_ model: String) throws {
    let golden = try #require(
      try Support.json(Self.fixtures.appendingPathComponent("removals/changes.json"))[model]?["greedy"]?
        .arrayValue)
    let folder = Support.temporaryFolder()
    let whole = try Decoder(Checkpoint.open(Self.fixtures.appendingPathComponent("training/\(model)").path))
    let left = try whole.copy()
    for step in golden {
      let family = try #require(Family(rawValue: step.arrayValue?[1].stringValue ?? ""))
      try left.keep([], of: family, layer: try #require(step.arrayValue?[0].integerValue))
    }
    let (summary, run) = try Support.run(
      [
        "name": "finercut",
        "stages": [
          [
            "stage": "prune", "families": ["attention_block", "mlp_block"],
            "criterion": "adapt-pruner.finercut", "allocator": "adapt-pruner.one-by-one",
            "calibration": [
              "data": [
                "path": .string(Self.fixtures.appendingPathComponent("statistics/ids.json").path),
                "format": "ids",
              ], "sequences": 4, "length": 9, "batch_size": 4,
            ],
            "target": .integer(left.parameters), "record_scores": true,
          ]
        ],
      ], model: Self.fixtures.appendingPathComponent("training/\(model)"), in: folder)
    #expect(summary.final.parameters == left.parameters)
    var gone: Set<String> = []
    for (index, step) in golden.enumerated() {
      let record = try Support.json(run.appendingPathComponent("iterations/00\(index + 1).json"))
      var now: Set<String> = []
      for (layer, families) in try #require(record["layers"]?.arrayValue).enumerated() {
        for family in ["attention_block", "mlp_block"]
        where families["families"]?[family]?["kept"]?.integers == [] {
          now.insert("\(layer) \(family)")
        }
      }
      let (layer, family) = (step.arrayValue?[0].integerValue ?? -1, step.arrayValue?[1].stringValue ?? "")
      #expect(now.subtracting(gone) == ["\(layer) \(family)"], "step \(index + 1)")
      let scores = try SafetensorsFile(
        path: run.appendingPathComponent("scores/00\(index + 1).safetensors").path)
      let score = try scores.tensor(named: "layers.\(layer).\(family)").floats()
      #expect(relativeError(score, [try #require(step.arrayValue?[2].numberValue)]) < 1e-5)
      gone = now
    }
  }
}
