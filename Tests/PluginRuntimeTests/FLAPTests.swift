import JSON
import PluginRuntime
import Testing

/// FLAP's metrics and structures, worked out by hand.
@Suite("FLAP", .enabled(if: Shipped.isBuilt))
struct FLAPTests {
  // MARK: - Metrics

  /// Two rows: mean |W| is ½, 2, 2 by column, Σ W² is 1, 8, 10.
  private static let down = TestMatrix(
    name: "down_proj", axis: .columns, rows: 2, columns: 3, weight: [1, -2, 3, 0, 2, -1],
    statistics: ["input_variance": [2, 1, 4], "input_fluctuation": [5, 6, 7], "input_norm": [1, 2, 3]])

  /// Two groups of two query heads of one position.
  private static let output = TestMatrix(
    name: "o_proj", axis: .columns, repeats: 2, rows: 1, columns: 4, weight: [3, 4, 5, 6],
    statistics: ["input_variance": [1, 2, 3, 4], "input_norm": [1, 1, 2, 2]])

  private func scores(
    _ id: String, _ options: JSONValue = [:], family: String = "mlp", _ matrix: TestMatrix = down
  ) throws -> [Float] {
    let criterion = try CriterionInstance(of: Shipped.plugin(id), options: options)
    return try score(criterion, family: family, count: family == "mlp" ? 3 : 2, [matrix])
  }

  @Test(
    "A column's metric, as each of them is defined",
    arguments: [
      (["metric": "IFV", "standardise": false], [2, 1, 4]),
      (["metric": "WIFV", "standardise": false], [2, 8, 40]),
      (["metric": "WIFV", "standardise": false, "variance": "published"], [5, 48, 70]),
      (["metric": "WIFN", "standardise": false], [0.5, 4, 6]),
      // Less the mean 7/3, over √((1 + 16 + 25)/9/2) = √21/3.
      (["metric": "IFV"], [-0.218218, -0.872872, 1.091089]),
    ] as [(JSONValue, [Float])])
  func metrics(_ options: JSONValue, _ expected: [Float]) throws {
    #expect(relativeError(try scores("adapt-pruner.flap", options), expected) < 1e-5)
  }

  @Test("In attention metrics are squared; a group has its columns' sum, standardised their mean")
  func attention() throws {
    let plain: JSONValue = ["metric": "IFV", "standardise": false]
    #expect(try scores("adapt-pruner.flap", plain, family: "attention", Self.output) == [1 + 4, 9 + 16])
    // 1, 4, 9, 16 less 7.5 over √43: (−6.5 − 3.5)/2 and (1.5 + 8.5)/2.
    let standardised = try scores("adapt-pruner.flap", ["metric": "IFV"], family: "attention", Self.output)
    #expect(relativeError(standardised, [-5 / Float(43).squareRoot(), 5 / Float(43).squareRoot()]) < 1e-6)
  }

  @Test("The baselines: mean |W| · ‖x‖, and column norms")
  func baselines() throws {
    #expect(try scores("adapt-pruner.wanda-sp") == [0.5, 4, 6])
    let norms = try scores("adapt-pruner.magnitude-sp")
    #expect(relativeError(norms, [1, Float(8).squareRoot(), Float(10).squareRoot()]) < 1e-6)
    #expect(try scores("adapt-pruner.wanda-sp", family: "attention", Self.output) == [3 + 4, 10 + 12])
    #expect(try scores("adapt-pruner.magnitude-sp", family: "attention", Self.output) == [7, 11])
  }

  // MARK: - Structures as published

  private static func family(_ name: String, cost: Int, _ scores: [Float]) -> FamilyRequest {
    FamilyRequest(
      name: name, count: scores.count, originalCount: scores.count, cost: cost, minimum: 1, scores: scores)
  }

  /// Two layers of four groups, each worth six channels, and eight channels: 64 in all.
  private static let layers = [
    LayerRequest(families: [
      family("attention", cost: 6, [1, 14, 2, 13]), family("mlp", cost: 1, [10, 3, 9, 4, 8, 5, 7, 6]),
    ]),
    LayerRequest(families: [
      family("attention", cost: 6, [18, 17, 16, 15]),
      family("mlp", cost: 1, [21, 22, 23, 24, 25, 26, 27, 28]),
    ]),
  ]

  private func kept(
    _ layers: [LayerRequest], removing excess: Int = 1, iteration: Int = 0, of iterations: Int = 1,
    _ options: JSONValue
  ) throws -> [[Int]] {
    let now = layers.flatMap(\.families).reduce(7) { $0 + $1.count * $1.cost }
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.flap-structure"), options: options)
    return try allocator.allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: now, original: now, goal: now - excess, iterationGoal: now - excess,
        iteration: iteration, iterations: iterations), layers: layers
    ).map { $0.map(\.keep) }
  }

  private func published(_ structure: String, ratio: Double, heads: Int = 8) -> JSONValue {
    [
      "structure": .string(structure), "budget": "published", "pruning_ratio": .number(ratio),
      "remove_heads": .integer(heads),
    ]
  }

  @Test("UL-UM: int(ratio · count) of each family leave")
  func ulum() throws {
    #expect(try kept(Self.layers, published("UL-UM", ratio: 0.5)) == [[2, 4], [2, 4]])
    // int(1.2), int(2.4)
    #expect(try kept(Self.layers, published("UL-UM", ratio: 0.3)) == [[3, 6], [3, 6]])
  }

  /// A layer has 4 · 6 + 8 = 32: of the half, 16, two groups take 12, and channels 4.
  @Test("UL-MM: each layer loses its part of the groups, and channels for the rest")
  func ulmm() throws {
    #expect(try kept(Self.layers, published("UL-MM", ratio: 0.5, heads: 4)) == [[2, 4], [2, 4]])
  }

  /// 0.25 · 64 − 2 · 6 = 4 channels, the lowest of all, as are the two groups.
  @Test("AL-MM: groups in one ranking, channels in another")
  func almm() throws {
    #expect(try kept(Self.layers, published("AL-MM", ratio: 0.25, heads: 2)) == [[2, 4], [4, 8]])
  }

  /// From the top down 8 + 4 · 6 + 6 + 6 + 4 = 48, three quarters, are reached at the channel that scores 7. It leaves as
  /// well: what is kept lies above the threshold.
  @Test("AL-AM: one ranking, in which a group weighs its cost over a channel's")
  func alam() throws {
    #expect(try kept(Self.layers, published("AL-AM", ratio: 0.25)) == [[2, 3], [4, 8]])
  }

  @Test("The published budget is one step, and the second is refused in words")
  func oneStep() throws {
    let error = #expect(throws: PluginError.self) {
      try kept(Self.layers, iteration: 1, of: 2, published("UL-UM", ratio: 0.1))
    }
    #expect("\(try #require(error))".contains("one step: pruning_ratio 0.1 is taken"))
  }

  // MARK: - To the goal

  /// Three layers of three groups (10 each) and thirty channels: 180.
  private static let alike = (0..<3).map { _ in
    LayerRequest(families: [
      family("attention", cost: 10, [1, 2, 3]), family("mlp", cost: 1, (0..<30).map { Float($0) }),
    ])
  }

  /// Below a third no group leaves, so 36 are channels: 12 of each layer. At a third all three leave, and ten channels
  /// each; 69 leave at 13/30, and the 70th is a channel of the first layer.
  @Test(
    "UL-UM to a goal takes the same from every layer, but for one channel",
    arguments: [
      (36, [[3, 18], [3, 18], [3, 18]]), (37, [[3, 17], [3, 18], [3, 18]]),
      (60, [[2, 20], [2, 20], [2, 20]]), (70, [[2, 16], [2, 17], [2, 17]]),
    ])
  func evenly(_ excess: Int, _ expected: [[Int]]) throws {
    #expect(try kept(Self.alike, removing: excess, ["structure": "UL-UM"]) == expected)
  }

  @Test("UL-MM and AL-MM to a goal take the groups that they are told to, and channels for the rest")
  func apart() throws {
    #expect(
      try kept(Self.alike, removing: 36, ["structure": "UL-MM", "remove_heads": 3])
        == [[2, 28], [2, 28], [2, 28]])
    #expect(
      try kept(Self.layers, removing: 15, ["structure": "AL-MM", "remove_heads": 2]) == [[2, 5], [4, 8]])
  }

  /// The lowest of all: 1 and 2, groups (12), then channels 3, 4 and 5.
  @Test("AL-AM to a goal lets the lowest go")
  func lowest() throws {
    #expect(try kept(Self.layers, removing: 15, ["structure": "AL-AM"]) == [[2, 5], [4, 8]])
  }

  @Test("Of a sublayer that is gone nothing stays", arguments: ["AL-AM", "AL-MM", "UL-UM", "UL-MM"])
  func gone(_ structure: String) throws {
    var layers = Self.layers
    layers[0].families[0] = FamilyRequest(
      name: "attention", count: 0, originalCount: 4, cost: 6, minimum: 1, scores: [])
    let options: [JSONValue] = [
      ["structure": .string(structure), "remove_heads": 0], published(structure, ratio: 0.25, heads: 0),
    ]
    for options in options { #expect(try kept(layers, removing: 6, options)[0][0] == 0) }
  }

  @Test("Options and families that leave nothing to rank are no crash")
  func extremes() throws {
    let channels = Self.layers.map { LayerRequest(families: [$0.families[1]]) }
    let groups = Self.layers.map { LayerRequest(families: [$0.families[0]]) }
    for structure in ["AL-AM", "AL-MM", "UL-UM", "UL-MM"] {
      for layers in [channels, groups, Self.layers] {
        for heads in [0, 4_611_686_018_427_387_904, .max] {
          for ratio in [0, 1.0] { _ = try kept(layers, published(structure, ratio: ratio, heads: heads)) }
          // What cannot be met with so many heads is an error; a crash would end the test.
          _ = try? kept(
            layers, removing: 6, of: 2, ["structure": .string(structure), "remove_heads": .integer(heads)])
        }
      }
    }
    #expect(throws: PluginError.self) { try kept(Self.layers, published("UL-UM", ratio: 1e30)) }
  }
}
