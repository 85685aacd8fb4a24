import Checkpoints
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing
import Transformer

/// Targets are met, whatever is counted and however it is said.
@Suite(.enabled(if: Support.pluginsAreBuilt, Support.noPlugins))
struct ExactBudgetTests {
  static let models = [
    "llama_bias", "llama_gqa", "llama_mha", "llama_rope_llama3", "mistral", "mobilellm_like_tied", "qwen2",
    "qwen3",
  ]

  private func manifest(_ target: JSONValue, iterations: Int, times: Int = 1) -> JSONValue {
    let prune: JSONValue = [
      "stage": "prune", "criterion": "adapt-pruner.magnitude", "allocator": "adapt-pruner.uniform",
      "target": target,
      "iterations": .integer(iterations),
    ]
    return [
      "name": "exact",
      "stages": times == 1
        ? .array([prune]) : [["stage": "repeat", "times": .integer(times), "stages": .array([prune])]],
    ]
  }

  /// - Parameter cheapest: the cost of the cheapest unit, below which no size can be told from another.
  private func expectMet(_ found: Int, _ goal: Double, cheapest: Int, _ place: String) {
    #expect(Double(found) <= goal.rounded(.up), "\(place): \(found) of \(goal)")
    #expect(
      goal - Double(found) <= max(0.001 * goal, Double(cheapest)),
      "\(place): \(found) is too far below \(goal)")
  }

  private func check(_ model: URL, _ name: String, shares: [Double], iterations: Int) throws {
    let sizes = try Decoder(Checkpoint.open(model.path)).sizes(0)
    for share in shares {
      let scratch = Scratch()
      let byParameters = try Support.run(
        manifest(["parameters": .number(share)], iterations: iterations), model: model, in: scratch.url
      ).summary
      expectMet(
        byParameters.final.parameters, share * Double(byParameters.original.parameters),
        cheapest: min(sizes.parametersPerUnit(of: Family.mlp), sizes.parametersPerUnit(of: Family.attention)),
        "\(name), \(share) of the parameters")
      let other = Scratch()
      let byMacs = try Support.run(
        manifest(["macs": .number(share)], iterations: iterations), model: model, in: other.url
      ).summary
      expectMet(
        byMacs.final.macs, share * Double(byMacs.original.macs),
        cheapest: min(
          sizes.multiplyAccumulatesPerUnit(of: Family.mlp),
          sizes.multiplyAccumulatesPerUnit(of: Family.attention)),
        "\(name), \(share) of the multiply-accumulates")
    }
  }

  @Test(.enabled(if: Support.reference != nil, Support.noReference), arguments: models, [1, 4])
  func sharesAreMetByTheReferenceModels(_ name: String, iterations: Int) throws {
    let model = try #require(Support.reference).appendingPathComponent("tiny/\(name)")
    try check(model, "\(name) in \(iterations)", shares: [0.8, 0.6], iterations: iterations)
  }

  @Test(arguments: SmallModel.Kind.allCases)
  func sharesAreMetByAModelOfOurOwn(_ kind: SmallModel.Kind) throws {
    let model = try SmallModel(kind, seed: 3, hidden: 16, intermediate: 64, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: model) }
    try check(model, "\(kind)", shares: [0.8, 0.6], iterations: 3)
  }

  @Test(.enabled(if: Support.smolLM2 != nil, "SmolLM2 is not on this machine; make demo fetches it"))
  func sharesAreMetByARealModelToAThousandth() throws {
    let model = try #require(Support.smolLM2)
    for share in [0.8, 0.6] {
      let scratch = Scratch()
      let parameters = try Support.run(
        manifest(["parameters": .number(share)], iterations: 1), model: model, in: scratch.url
      ).summary.final.parameters
      #expect(abs(Double(parameters) / (share * 134_515_008) - 1) < 0.001, "\(parameters)")
      let other = Scratch()
      let macs = try Support.run(
        manifest(["macs": .number(share)], iterations: 1), model: model, in: other.url
      ).summary
      #expect(
        abs(Double(macs.final.macs) / (share * Double(macs.original.macs)) - 1) < 0.001, "\(macs.final.macs)")
    }
  }

  @Test func aCountIsMetAndASecondRoundTakesItsShareOfTheFirst() throws {
    let model = try SmallModel(.llama, seed: 3, hidden: 16, intermediate: 64, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: model) }
    let decoder = try Decoder(Checkpoint.open(model.path))
    let channel = decoder.sizes(0).parametersPerUnit(of: Family.mlp)
    let goal = decoder.parameters - 2345
    let counted = Scratch()
    let summary = try Support.run(
      manifest(["parameters": .integer(goal)], iterations: 2), model: model, in: counted.url
    ).summary
    expectMet(summary.final.parameters, Double(goal), cheapest: channel, "a count")

    let repeated = Scratch()
    let (twice, run) = try Support.run(
      manifest(["parameters": 0.9, "of": "current"], iterations: 1, times: 2), model: model, in: repeated.url)
    let first = try #require(
      Support.json(run.appendingPathComponent("iterations/001.json"))["parameters"]?.integerValue)
    expectMet(first, 0.9 * Double(decoder.parameters), cheapest: channel, "the first round")
    expectMet(twice.final.parameters, 0.9 * Double(first), cheapest: channel, "the second round")
  }
}
