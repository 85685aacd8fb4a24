import JSON
import PluginRuntime
import Testing

/// LLM-Pruner's importances by hand, and its block-wise allocation by the arithmetic of the published `prune_local`.
@Suite("LLM-Pruner", .enabled(if: Shipped.isBuilt))
struct LLMPrunerTests {
  static func criterion(_ options: JSONValue, seed: UInt64 = 1) throws -> CriterionInstance {
    try CriterionInstance(
      of: Shipped.plugin("adapt-pruner.llm-pruner"), options: options, services: HostServices(seed: seed))
  }

  @Test(
    "Each importance asks for what it needs",
    arguments: [
      ("param_first", ["gradient"]), ("vectorize", ["gradient"]), ("param_second", ["gradient_square"]),
      ("param_mix", ["gradient", "gradient_square"]), ("l1", []), ("l2", []), ("random", []),
    ])
  func statistics(importance: String, expected: [String]) throws {
    #expect(try Self.criterion(["importance": .string(importance)]).statistics.map(\.name) == expected)
  }

  @Test(
    "The sum over a line, by hand: w = (1, −2), g = (3, 4), h = (2, 1)",
    arguments: [
      ("param_first", 3 + 8), ("vectorize", 8 - 3), ("param_second", 2 + 4), ("param_mix", 2 + 10),
      ("l1", 1 + 2), ("l2", 1 + 4),
    ] as [(String, Float)])
  func importances(importance: String, expected: Float) throws {
    let matrix = TestMatrix(
      name: "gate_proj", axis: .rows, rows: 1, columns: 2, weight: [1, -2],
      statistics: ["gradient": [3, 4], "gradient_square": [2, 1]])
    #expect(
      try score(Self.criterion(["importance": .string(importance)]), count: 1, [matrix]) == [expected])
  }

  /// One group of two positions, one column: k, v, q and o have the rows |w| = 1, 2; 3, 5; 7, 11; 13, 17.
  @Test(
    "Matrices are reduced position by position, and first is the matrix from which the group is found",
    arguments: [
      ("sum", 59), ("mean", 59.0 / 4), ("max", 13 + 17), ("prod", 1 * 3 * 7 * 13 + 2 * 5 * 11 * 17),
      ("first", 7 + 11),
    ] as [(String, Float)])
  func reductions(reduction: String, expected: Float) throws {
    func matrix(_ name: String, _ weight: [Float]) -> TestMatrix {
      TestMatrix(name: name, axis: .rows, positions: 2, rows: 2, columns: 1, weight: weight)
    }
    let matrices = [
      matrix("k_proj", [1, -2]), matrix("v_proj", [3, 5]), matrix("q_proj", [-7, 11]),
      matrix("o_proj", [13, 17]),
    ]
    let criterion = try Self.criterion(["importance": "l1", "reduction": .string(reduction)])
    #expect(try score(criterion, family: "attention", count: 1, matrices) == [expected])
  }

  @Test("With fewer KV heads than query heads, groups are found from k, as in llama3.py")
  func firstOfGroupedQueries() throws {
    let matrices = [
      TestMatrix(name: "k_proj", axis: .rows, rows: 2, columns: 1, weight: [1, -2]),
      TestMatrix(name: "q_proj", axis: .rows, repeats: 2, rows: 4, columns: 1, weight: [1, 10, 100, 1000]),
    ]
    func scores(_ options: JSONValue) throws -> [Float] {
      try score(Self.criterion(options), family: "attention", count: 2, matrices)
    }
    #expect(try scores(["importance": "l1", "reduction": "first"]) == [1, 2])
    #expect(try scores(["importance": "l1"]) == [1 + 11, 2 + 1100])
    #expect(try scores(["importance": "l1", "gqa_fold": "published"]) == [1 + 101, 2 + 1010])
  }

  @Test("Random importances are a sum over a head's rows, depend on the seed, and stay with their unit")
  func randomImportances() throws {
    func scores(_ original: [Int], seed: UInt64 = 1, positions: Int = 1) throws -> [Float] {
      let count = original.count * positions
      return try [Float](repeating: 1, count: count).withUnsafeBufferPointer { weight in
        let base = try #require(weight.baseAddress)
        return try Self.criterion(["importance": "random"], seed: seed).score(
          model: toyModel,
          units: UnitsRequest(
            family: positions > 1 ? "attention" : "mlp", layer: 0, original: original,
            matrices: [
              MatrixRequest(
                name: positions > 1 ? "k_proj" : "gate_proj", axis: .rows, positions: positions,
                weight: MatrixMemory(base, rows: count, columns: 1))
            ]))
      }
    }
    let all = try scores(Array(0..<100))
    #expect(all.allSatisfy { $0 >= 0 && $0 < 1 } && Set(all).count > 90)
    #expect(try scores([3, 7]) == [all[3], all[7]])
    #expect(try scores(Array(0..<100), seed: 2) != all)
    // Mean 32 with standard deviation √(64 / 12) ≈ 2.3.
    #expect(try scores([0, 1, 2], positions: 64).allSatisfy { abs($0 - 32) < 5 * 2.4 })
  }

  // MARK: - Blocks

  typealias State = ExactAllocationTests.State

  static func allocate(
    _ options: JSONValue, _ state: State, goal: Int = 1, iteration: Int = 0
  ) throws -> [[Share]] {
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.block-wise"), options: options)
    return try allocator.allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: state.parameters, original: ExactAllocationTests.whole, goal: goal,
        iterationGoal: goal, iteration: iteration, iterations: 1),
      layers: state.layers())
  }

  /// 1536 − int(1536 · 0.67) = 507 and (192 − int(192 · 0.67)) div 64 = 1; at 0.25 a third of the head's rows is too few.
  @Test("As published, each block in the range loses the ratio, and KV groups whole")
  func published() throws {
    let shares = try Self.allocate(["budget": "published", "pruning_ratio": 0.33], State())
    for (layer, share) in shares.enumerated() {
      let isPruned = (4..<28).contains(layer)
      #expect(share.map(\.keep) == (isPruned ? [2, 1536 - 507] : [3, 1536]))
      #expect(share.map(\.sparsity) == (isPruned ? [0.33, 0.33] : [0, 0]))
    }
    #expect(try Self.allocate(["budget": "published"], State())[10].map(\.keep) == [3, 1536 - 384])
  }

  @Test(
    "Attention and MLP blocks have ranges of their own, and ends count from the model's end where not positive"
  )
  func ranges() throws {
    let shares = try Self.allocate(
      [
        "budget": "published", "pruning_ratio": 0.5, "block_attention_layer_start": 10,
        "block_attention_layer_end": 12, "block_mlp_layer_start": 29, "block_mlp_layer_end": 0,
      ], State())
    #expect(shares.indices.filter { shares[$0][0].keep < 3 } == [10, 11])
    #expect(shares.indices.filter { shares[$0][1].keep < 1536 } == [29])
  }

  /// s = 0.5 · i / 2: after step 1, int(1536 · 0.75) stay, after step 2 int(1536 · 0.5); groups: 192 − 144 rows are none
  /// whole, 192 − 96 are one.
  @Test(
    "In several steps the share grows in equal parts, and after the last one the plugin says that it is done")
  func steps() throws {
    var state = State()
    let options: JSONValue = ["budget": "published", "pruning_ratio": 0.5, "iterative_steps": 2]
    state.apply(try Self.allocate(options, state))
    #expect(state.groups[4] == 3 && state.channels[4] == 1152)
    state.apply(try Self.allocate(options, state, iteration: 1))
    #expect(state.groups[4] == 2 && state.channels[4] == 768)
    #expect(state.groups[3] == 3 && state.channels[28] == 1536)
    #expect { try Self.allocate(options, state, iteration: 2) } throws: {
      "\($0)".contains("all iterative_steps (2) are taken")
    }
  }

  @Test(
    "To a goal, each block loses as much as the others of its sort, to the nearest unit",
    arguments: [0.95, 0.9, 0.8, 0.7])
  func exact(fraction: Double) throws {
    let goal = Int(fraction * Double(ExactAllocationTests.whole))
    var state = State()
    let shares = try Self.allocate([:], state, goal: goal)
    state.apply(shares)
    #expect(state.parameters <= goal && state.parameters > goal - ExactAllocationTests.channelCost)
    for layer in 0..<30 where !(4..<28).contains(layer) {
      #expect(state.groups[layer] == 3 && state.channels[layer] == 1536)
    }
    #expect(Set(state.groups[4..<28]).count == 1)
    let channels = state.channels[4..<28]
    #expect(try #require(channels.max()) - #require(channels.min()) <= 1)
    #expect(Set(shares[4..<28].joined().map(\.sparsity)).count == 1)
    // At 80% both sorts come to the same share: a group of three, and (26.9 million − 24 groups) / 24 layers in channels.
    if fraction == 0.8 {
      let due = ExactAllocationTests.whole - goal - 24 * ExactAllocationTests.groupCost
      let each = Double(due) / Double(24 * ExactAllocationTests.channelCost)
      #expect(state.groups[4] == 2 && channels.allSatisfy { abs(Double(1536 - $0) - each) <= 1 })
    }
  }

  @Test(
    "A range that the model has not is refused by name",
    arguments: [
      ["block_mlp_layer_end": 31], ["block_mlp_layer_end": 3], ["block_mlp_layer_end": -31],
      ["block_mlp_layer_end": .integer(.min)], ["block_mlp_layer_start": 31],
    ] as [JSONValue])
  func badRanges(options: JSONValue) throws {
    #expect { try Self.allocate(options, State()) } throws: {
      "\($0)".contains("the model has 30 layers")
    }
  }

  @Test("A goal beyond what the ranges can give is refused with what is left")
  func outOfReach() throws {
    #expect { try Self.allocate(["block_mlp_layer_end": 4], State(), goal: 100_000_000) } throws: {
      "\($0)".contains("cannot be reached")
    }
  }
}
