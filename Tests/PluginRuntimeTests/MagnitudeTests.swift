import PluginRuntime
import Testing

@Suite("Magnitude", .enabled(if: Shipped.isBuilt))
struct MagnitudeTests {
  static func criterion(_ norm: String, fold: String = "consistent") throws -> CriterionInstance {
    try CriterionInstance(
      of: Shipped.plugin("adapt-pruner.magnitude"),
      options: ["norm": .string(norm), "gqa_fold": .string(fold)])
  }

  /// Two channels, hidden size 2: gate and up own rows, down owns columns.
  static let mlp = [
    TestMatrix(name: "gate_proj", axis: .rows, rows: 2, columns: 2, weight: [1, -2, 3, 4]),
    TestMatrix(name: "up_proj", axis: .rows, rows: 2, columns: 2, weight: [0, 1, -1, 1]),
    TestMatrix(name: "down_proj", axis: .columns, rows: 2, columns: 2, weight: [2, 0, 1, -3]),
  ]

  @Test("l1 averages the sums of absolute weights over the three matrices")
  func l1() throws {
    // (|1|+|-2| + |0|+|1| + |2|+|1|) / 3 and (|3|+|4| + |-1|+|1| + |0|+|-3|) / 3
    #expect(try score(Self.criterion("l1"), count: 2, Self.mlp) == [7.0 / 3, 12.0 / 3])
  }

  @Test("l2 averages the sums of squares: no root is taken")
  func l2() throws {
    // (1+4 + 0+1 + 4+1) / 3 and (9+16 + 1+1 + 0+9) / 3
    #expect(try score(Self.criterion("l2"), count: 2, Self.mlp) == [11.0 / 3, 36.0 / 3])
  }

  @Test(
    "Dense tiny models score as in the published code", .enabled(if: Reference.isHere),
    arguments: [
      ("llama_gqa", "l1", "adaptive"), ("llama_gqa", "l2", "uniform"), ("llama_mha", "l1", "adaptive"),
      ("llama_mha", "l2", "uniform"),
    ])
  func published(model: String, norm: String, allocation: String) throws {
    let golden = try Reference.json("tiny-prune/\(model)/prune_\(norm)_\(allocation).json")
    let config = try Reference.json("tiny/\(model)/config.json")
    func size(_ key: String) throws -> Int { try #require(config[key]?.integerValue) }
    let (hidden, inner, head) = (try size("hidden_size"), try size("intermediate_size"), try size("head_dim"))
    let (queries, groups) = (try size("num_attention_heads"), try size("num_key_value_heads"))
    let weights = try Reference.tensors("tiny/\(model)/model.safetensors")
    let importance = try #require(golden["iterations"]?.arrayValue?.first?["importance"])
    let criterion = try Self.criterion(norm, fold: "published")
    for layer in 0..<(try size("num_hidden_layers")) {
      func matrix(
        _ name: String, _ axis: MatrixRequest.Axis, repeats: Int = 1, positions: Int = 1, lines: Int
      )
        throws -> TestMatrix
      {
        TestMatrix(
          name: name, axis: axis, repeats: repeats, positions: positions,
          rows: axis == .rows ? lines : hidden, columns: axis == .rows ? hidden : lines,
          weight: try #require(weights["model.layers.\(layer).\(name).weight"]))
      }
      let attention = [
        try matrix("self_attn.k_proj", .rows, positions: head, lines: groups * head),
        try matrix("self_attn.v_proj", .rows, positions: head, lines: groups * head),
        try matrix(
          "self_attn.q_proj", .rows, repeats: queries / groups, positions: head, lines: queries * head),
        try matrix(
          "self_attn.o_proj", .columns, repeats: queries / groups, positions: head, lines: queries * head),
      ]
      let mlp = [
        try matrix("mlp.gate_proj", .rows, lines: inner), try matrix("mlp.up_proj", .rows, lines: inner),
        try matrix("mlp.down_proj", .columns, lines: inner),
      ]
      let golden = (
        attention: try #require(importance["\(layer).attn"]).numbers.map(Float.init),
        mlp: try #require(importance["\(layer).mlp"]).numbers.map(Float.init)
      )
      #expect(
        relativeError(try score(criterion, family: "attention", count: groups, attention), golden.attention)
          < 1e-6)
      #expect(relativeError(try score(criterion, count: inner, mlp), golden.mlp) < 1e-6)
    }
  }
}
