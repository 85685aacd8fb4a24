import JSON
import PluginRuntime
import Testing

@Suite("FinerCut", .enabled(if: Shipped.isBuilt))
struct FinerCutTests {
  @Test("A unit's score is the change of the output, by the distance asked for")
  func scores() throws {
    let statistics: [Statistic: [Float]] = ["removal_angle": [0.25], "removal_norm": [7]]
    for (options, name, expected) in [
      ([:], "removal_angle", 0.25), (["distance": "norm"], "removal_norm", 7),
    ] as [(JSONValue, Statistic, Float)] {
      let criterion = try CriterionInstance(of: Shipped.plugin("adapt-pruner.finercut"), options: options)
      #expect(criterion.statistics == [name])
      for family in ["attention_block", "mlp_block", "layer"] {
        let request = UnitsRequest(
          family: family, layer: 3, original: [0], matrices: [], statistics: statistics)
        #expect(try criterion.score(model: toyModel, units: request) == [expected])
      }
    }
  }

  @Test("Channels have no such statistic, and are refused by name")
  func refusal() throws {
    let criterion = try CriterionInstance(of: Shipped.plugin("adapt-pruner.finercut"))
    let error = #expect(throws: PluginError.self) {
      try score(
        criterion, count: 1, [TestMatrix(name: "gate_proj", axis: .rows, rows: 1, columns: 1, weight: [1])])
    }
    #expect("\(try #require(error))".contains("removal_angle"))
    #expect("\(try #require(error))".contains("units of family mlp"))
  }

  /// Five layers of attention and MLP; nil has left.
  private func kept(_ attention: [Float?], _ mlp: [Float?], _ options: JSONValue = [:]) throws -> [[Int]] {
    func family(_ name: String, _ score: Float?) -> FamilyRequest {
      FamilyRequest(
        name: name, count: score == nil ? 0 : 1, originalCount: 1, cost: 10, minimum: 0,
        scores: score.map { [$0] } ?? [])
    }
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.one-by-one"), options: options)
    #expect(!allocator.meetsGoal)
    return try allocator.allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: 100, original: 100, goal: 20, iterationGoal: 20, iteration: 0,
        iterations: 1),
      layers: zip(attention, mlp).map {
        LayerRequest(families: [family("attention_block", $0), family("mlp_block", $1)])
      }
    ).map { $0.map(\.keep) }
  }

  @Test("The one lowest score of all leaves; of equal ones the first")
  func lowest() throws {
    #expect(
      try kept([5, nil, 3, 7, 4], [6, 2, 8, 9, 2]) == [[1, 1], [0, 0], [1, 1], [1, 1], [1, 1]])
    #expect(try kept([5, 4, 3, 7, 4], [6, 3, 8, 9, 9]) == [[1, 1], [1, 0], [1, 1], [1, 1], [1, 1]])
  }

  /// 0.4 of 5 layers, and one more, are the first 3, until more than 0.4 · 10 = 4 units are gone.
  @Test("The first layers lose nothing until more than their share of all units is gone")
  func excludesTheFirst() throws {
    let options: JSONValue = ["exclude_first": 0.4]
    #expect(
      try kept([1, 2, 3, 9, nil], [3, 4, 5, 8, nil], options) == [
        [1, 1], [1, 1], [1, 1], [1, 0], [0, 0],
      ])
    #expect(
      try kept([1, 2, 9, nil, nil], [3, 4, nil, nil, nil], options)
        == [[0, 1], [1, 1], [1, 0], [0, 0], [0, 0]])
    #expect(
      try kept([1, 2, 3, 9, nil], [3, 4, 5, 8, nil]) == [[0, 1], [1, 1], [1, 1], [1, 1], [0, 0]])
  }

  @Test("Units that must stay do, and where no other is left the plugin says so")
  func nothingLeft() throws {
    #expect { try kept([1, 2, nil], [3, 4, nil], ["exclude_first": 1]) } throws: {
      "\($0)".contains("no unit is left that may leave")
    }
  }
}
