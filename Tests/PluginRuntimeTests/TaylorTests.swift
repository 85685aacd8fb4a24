import JSON
import PluginRuntime
import Testing

@Suite("Taylor importance", .enabled(if: Shipped.isBuilt))
struct TaylorTests {
  static func criterion(_ options: JSONValue) throws -> CriterionInstance {
    try CriterionInstance(of: Shipped.plugin("adapt-pruner.taylor"), options: options)
  }

  @Test(
    "Each variant asks for what it needs",
    arguments: [
      ("param_first", ["gradient"]), ("vectorize", ["gradient"]), ("param_second", ["gradient_square"]),
      ("param_mix", ["gradient", "gradient_square"]),
    ])
  func statistics(variant: String, expected: [String]) throws {
    #expect(try Self.criterion(["variant": .string(variant)]).statistics.map(\.name) == expected)
  }

  @Test(
    "The sum over a line, by hand: w = (1, −2), g = (3, 4), h = (2, 1)",
    arguments: [
      ("param_first", 3 + 8), ("vectorize", 8 - 3), ("param_second", 2 + 4),
      // |3 − ½·2| + |−8 − ½·4|
      ("param_mix", 2 + 10),
    ] as [(String, Float)])
  func variants(variant: String, expected: Float) throws {
    let statistics: [Statistic: [Float]] = ["gradient": [3, 4], "gradient_square": [2, 1]]
    for axis in [MatrixRequest.Axis.rows, .columns] {
      let matrix = TestMatrix(
        name: "gate_proj", axis: axis, rows: axis == .rows ? 1 : 2, columns: axis == .rows ? 2 : 1,
        weight: [1, -2], statistics: statistics)
      #expect(try score(Self.criterion(["variant": .string(variant)]), count: 1, [matrix]) == [expected])
    }
  }

  @Test("vectorize takes the absolute value of each line before query heads are folded and positions summed")
  func vectorizeFoldsAbsoluteValues() throws {
    // One group of two query heads with two positions: w·g by row is 1, −2, −3, 4.
    let query = TestMatrix(
      name: "q_proj", axis: .rows, repeats: 2, positions: 2, rows: 4, columns: 1, weight: [1, -2, -3, 4],
      statistics: ["gradient": [1, 1, 1, 1]])
    #expect(
      try score(Self.criterion(["variant": "vectorize"]), family: "attention", count: 1, [query]) == [10])
  }

  /// The one unit of a block owns every row: |w·g| is 1, 10, 100, 1000 in one matrix and 2, 20 in the other.
  @Test("A block scores the sum over its matrices, whichever way query heads are folded")
  func blocks() throws {
    func matrix(_ name: String, rows: Int, columns: Int, _ weight: [Float]) -> TestMatrix {
      TestMatrix(
        name: name, axis: .rows, repeats: rows, rows: rows, columns: columns, weight: weight,
        statistics: ["gradient": weight.map { _ in -1 }])
    }
    let matrices = [
      matrix("k_proj", rows: 4, columns: 1, [1, 10, 100, 1000]),
      matrix("o_proj", rows: 1, columns: 2, [2, -20]),
    ]
    for fold in ["consistent", "published"] {
      for family in ["attention_block", "layer"] {
        func found(_ options: JSONObject) throws -> [Float] {
          var options = options
          options["gqa_fold"] = .string(fold)
          return try score(Self.criterion(.object(options)), family: family, count: 1, matrices)
        }
        #expect(try found([:]) == [1133])
        // Rows first: |−1| + |−10| + |−100| + |−1000| and |−2 + 20|.
        #expect(try found(["variant": "vectorize"]) == [1129])
        #expect(try found(["reduction": "max"]) == [1111])
        #expect(
          try score(
            CriterionInstance(
              of: Shipped.plugin("adapt-pruner.magnitude"),
              options: ["norm": "l1", "gqa_fold": .string(fold)]), family: family, count: 1, matrices)
            == [1133.0 / 2])
      }
    }
  }

  @Test("Query heads count towards the group that they leave with, or h mod groups as published")
  func folds() throws {
    // Two groups, two query heads each, one position: heads weigh 1, 10, 100, 1000.
    let query = TestMatrix(
      name: "q_proj", axis: .rows, repeats: 2, positions: 1, rows: 4, columns: 1,
      weight: [1, 10, 100, 1000], statistics: ["gradient": [1, 1, 1, 1]])
    func fold(_ name: String) throws -> [Float] {
      try score(Self.criterion(["gqa_fold": .string(name)]), family: "attention", count: 2, [query])
    }
    #expect(try fold("consistent") == [11, 1100])
    #expect(try fold("published") == [101, 1010])
  }

  /// SmolLM2 by the published code: its sums by line, of one column each here, give its scores. That fixes the
  /// fold, the order of matrices, and that reduction comes before the sum over positions.
  @Test(
    "Reductions and folds give the published scores from the published sums by line",
    .enabled(if: Reference.isHere),
    arguments: [
      ("sum", "published", "param_first__attn_kv", "param_first__mlp"),
      ("mean", "published", "param_first_mean__attn_kv", "param_first_mean__mlp"),
      ("max", "published", "param_first_max__attn_kv", "param_first_max__mlp"),
      ("prod", "published", "param_first_prod__attn_kv", "param_first_prod__mlp"),
      ("first", "published", "param_first_first__attn_kv", "param_first_first__mlp"),
      ("sum", "consistent", "NOT_REFERENCE_attn_kv_with_gqa_consistent_fold_h_div_3", "param_first__mlp"),
    ])
  func published(reduction: String, fold: String, attention: String, mlp: String) throws {
    let golden = try Reference.tensors("smollm2/first_iteration.safetensors")
    let criterion = try Self.criterion(["reduction": .string(reduction), "gqa_fold": .string(fold)])
    for layer in 0..<30 {
      func matrix(
        _ name: String, _ axis: MatrixRequest.Axis, lines: Int, repeats: Int = 1, positions: Int = 1
      )
        throws -> TestMatrix
      {
        let sums = try #require(golden["component_absTaylor__\(name)_proj"])
        return TestMatrix(
          name: name, axis: axis, repeats: repeats, positions: positions, rows: axis == .rows ? lines : 1,
          columns: axis == .rows ? 1 : lines, weight: Array(sums[(layer * lines)..<((layer + 1) * lines)]),
          statistics: ["gradient": [Float](repeating: 1, count: lines)])
      }
      func expected(_ name: String, _ count: Int) throws -> [Float] {
        Array(try #require(golden[name])[(layer * count)..<((layer + 1) * count)])
      }
      let heads = try score(
        criterion, family: "attention", count: 3,
        [
          matrix("self_attn_k", .rows, lines: 192, positions: 64),
          matrix("self_attn_v", .rows, lines: 192, positions: 64),
          matrix("self_attn_q", .rows, lines: 576, repeats: 3, positions: 64),
          matrix("self_attn_o", .columns, lines: 576, repeats: 3, positions: 64),
        ])
      #expect(relativeError(heads, try expected(attention, 3)) < 1e-6)
      let channels = try score(
        criterion, count: 1536,
        [
          matrix("mlp_gate", .rows, lines: 1536), matrix("mlp_up", .rows, lines: 1536),
          matrix("mlp_down", .columns, lines: 1536),
        ])
      #expect(relativeError(channels, try expected(mlp, 1536)) < 1e-6)
    }
  }
}
