import JSON
import PluginRuntime
import Testing

@Suite("Importance by activations, and by the turn of the residual stream", .enabled(if: Shipped.isBuilt))
struct ActivationTests {
  /// Only the output projection's inputs count; q's rows are there to be left out of account.
  static let matrices = [
    TestMatrix(
      name: "q_proj", axis: .rows, repeats: 2, positions: 2, rows: 8, columns: 1,
      weight: [Float](repeating: 9, count: 8), statistics: ["input_magnitude": [100]]),
    TestMatrix(
      name: "o_proj", axis: .columns, repeats: 2, positions: 2, rows: 1, columns: 8,
      weight: [Float](repeating: 7, count: 8), statistics: ["input_magnitude": [1, 2, 2, 4, 3, 0, 0, 4]]),
  ]

  /// Two groups of two query heads of two positions: √(1 + 4 + 4 + 16) and √(9 + 16), or, folded as published, heads
  /// 0 and 2, 1 and 3: √(1 + 4 + 9) and √(4 + 16 + 16).
  @Test("A group's score is the L2 norm over the columns of its query heads, by either fold")
  func activation() throws {
    func scores(_ fold: JSONValue) throws -> [Float] {
      let plugin = try Shipped.plugin("adapt-pruner.activation")
      let criterion = try CriterionInstance(of: plugin, options: ["gqa_fold": fold])
      #expect(criterion.statistics == ["input_magnitude"])
      return try score(criterion, family: "attention", count: 2, Self.matrices)
    }
    #expect(try scores("consistent") == [5, 5])
    let published = try scores("published")
    #expect(relativeError(published, [Float(14).squareRoot(), 6]) < 1e-6)
  }

  @Test("Block influence is 1 − cos, from a statistic of the units themselves")
  func blockInfluence() throws {
    let criterion = try CriterionInstance(of: Shipped.plugin("adapt-pruner.block-influence"))
    let request = UnitsRequest(
      family: "layer", layer: 3, original: [0], matrices: [], statistics: ["block_cosine": [0.75]])
    #expect(try criterion.score(model: toyModel, units: request) == [0.25])
  }

  @Test("Families that have no such statistic are refused by name")
  func refusal() throws {
    let criterion = try CriterionInstance(of: Shipped.plugin("adapt-pruner.block-influence"))
    let error = #expect(throws: PluginError.self) { try score(criterion, count: 8, Self.matrices) }
    #expect("\(try #require(error))".contains("block_cosine"))
    #expect("\(try #require(error))".contains("units of family mlp"))
  }
}
