import Foundation
import PluginRuntime
import Testing

/// Every iteration of every recorded pruning: sparsities to the last bit, kept units equal.
@Suite("Published allocations", .enabled(if: Shipped.isBuilt && Reference.isHere))
struct PublishedAllocationTests {
  struct Iteration {
    var cosines: [Double]
    var sparsities: [Double]
    var groups: [Int]
    var channels: [Int]
  }

  /// - Parameter cosines: [layers], summed over mini-batches, each iteration's.
  static func check(
    _ iterations: [Iteration], adaptive: Bool, steps: Int, amplitude: Double, groups: Int, channels: Int,
    headSize: Int
  ) throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin(adaptive ? "adapt-pruner.layer-distance" : "adapt-pruner.uniform"),
      options: adaptive
        ? ["steps": .integer(steps), "amplitude": .number(amplitude), "budget": "published"]
        : ["steps": .integer(steps), "budget": "published"])
    #expect(!allocator.meetsGoal)
    let layers = iterations[0].groups.count
    var before = Iteration(
      cosines: [], sparsities: Array(repeating: 0, count: layers),
      groups: Array(repeating: groups, count: layers), channels: Array(repeating: channels, count: layers))
    for (index, iteration) in iterations.enumerated() {
      let request = (0..<layers).map { layer in
        func family(_ name: String, _ count: Int, of original: Int, positions: Int) -> FamilyRequest {
          FamilyRequest(
            name: name, count: count, originalCount: original, positions: positions, cost: 1,
            previousSparsity: before.sparsities[layer], scores: Array(repeating: 1, count: count))
        }
        return LayerRequest(
          families: [
            family("attention", before.groups[layer], of: groups, positions: headSize),
            family("mlp", before.channels[layer], of: channels, positions: 1),
          ], statistics: adaptive ? ["layer_cosine": iteration.cosines[layer]] : [:])
      }
      let shares = try allocator.allocate(
        model: toyModel,
        budget: BudgetRequest(
          measure: "parameters", now: 100, original: 100, goal: 50, iterationGoal: 50, iteration: index,
          iterations: iterations.count), layers: request)
      #expect(shares.map { $0[0].sparsity } == iteration.sparsities)
      #expect(shares.map { $0[1].sparsity } == iteration.sparsities)
      #expect(shares.map { $0[0].keep } == iteration.groups)
      #expect(shares.map { $0[1].keep } == iteration.channels)
      before = iteration
    }
  }

  @Test(arguments: ["adaptive_taylor", "uniform_taylor", "uniform_l2", "uniform_random"])
  func smolLM2(name: String) throws {
    let golden = try Reference.json("smollm2/trajectory_\(name).json")
    let iterations = try #require(golden["iterations"]?.arrayValue).map { iteration in
      Iteration(
        cosines: iteration["layer_imp_raw_reference"]?.numbers.map { -$0 } ?? [],
        sparsities: try #require(iteration["target_sparsity_mlp"]).numbers,
        groups: try #require(iteration["kv_heads"]).integers,
        channels: try #require(iteration["intermediate"]).integers)
    }
    #expect(iterations.count == 12)
    try Self.check(
      iterations, adaptive: name.hasPrefix("adaptive"), steps: 20, amplitude: 0.02, groups: 3, channels: 1536,
      headSize: 64)
  }

  @Test func tinyModels() throws {
    let folder = Reference.folder + "/tiny-prune"
    var count = 0
    for model in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      for file in try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(model)").sorted()
      where file.hasSuffix(".json") {
        let golden = try Reference.json("tiny-prune/\(model)/\(file)")
        let config = try Reference.json("tiny/\(model)/config.json")
        let settings = try #require(golden["settings"])
        let iterations = try #require(golden["iterations"]?.arrayValue).map { iteration in
          Iteration(
            // As the published code adds them up: one mini-batch after the other.
            cosines: iteration["cos_per_minibatch"]?.arrayValue?.map { $0.numbers.reduce(0, +) } ?? [],
            sparsities: try #require(iteration["target_sparsity"]?.arrayValue).map {
              try #require($0["mlp"]?.numberValue)
            },
            groups: try #require(iteration["kv_heads"]).integers,
            channels: try #require(iteration["intermediate"]).integers)
        }
        try Self.check(
          iterations, adaptive: settings["adaptive"] == 1,
          steps: try #require(settings["steps"]?.integerValue),
          amplitude: try #require(settings["amplitude"]?.numberValue),
          groups: try #require(config["num_key_value_heads"]?.integerValue),
          channels: try #require(config["intermediate_size"]?.integerValue),
          headSize: try #require(settings["head_dim"]?.integerValue))
        count += 1
      }
    }
    #expect(count == 13)
  }
}

/// What holds without the recorded prunings too.
@Suite("Allocations", .enabled(if: Shipped.isBuilt))
struct AllocationTests {
  /// The published code prunes a model that does not have such layers any more.
  @Test(arguments: ["published", "exact"]) func layersThatAreGoneDoNotCount(budget: String) throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin("adapt-pruner.layer-distance"),
      options: ["steps": 20, "amplitude": 0.04, "budget": .string(budget)])
    func layer(_ cosine: Double, count: Int) -> LayerRequest {
      LayerRequest(
        families: [
          FamilyRequest(
            name: "mlp", count: count, originalCount: 100, cost: 1,
            scores: Array(repeating: 1, count: count))
        ], statistics: ["layer_cosine": cosine])
    }
    func sparsities(_ layers: [LayerRequest]) throws -> [Double] {
      let now = layers.reduce(0) { $0 + $1.families[0].count }
      return try allocator.allocate(
        model: toyModel,
        budget: BudgetRequest(
          measure: "parameters", now: now, original: now, goal: now - 15, iterationGoal: now - 15,
          iteration: 0, iterations: 1), layers: layers
      ).filter { $0[0].keep > 0 }.map { $0[0].sparsity }
    }
    let there = [layer(0.9, count: 100), layer(0.8, count: 100), layer(0.85, count: 100)]
    let expected = try sparsities(there)
    // A layer that is gone hands on what it gets: a cosine of 1.
    #expect(try sparsities([layer(1, count: 0)] + there + [layer(1, count: 0)]) == expected)
    // d = −0.9, −0.8, −0.85: Î = −1, 1, 0.
    if budget == "published" {
      #expect(zip(expected, [0.09, 0.01, 0.05]).allSatisfy { abs($0 - $1) < 1e-12 })
    }
  }

  /// `check_pruning_group` refuses to prune all of a layer's channels, so that the layer keeps all it has.
  @Test func aCutThatWouldEmptyAFamilyIsNotMade() throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin("adapt-pruner.uniform"), options: ["steps": 1, "budget": "published"])
    func keep(_ count: Int) throws -> Int {
      let family = FamilyRequest(
        name: "mlp", count: count, originalCount: count, cost: 1, scores: Array(repeating: 1, count: count))
      return try allocator.allocate(
        model: toyModel,
        budget: BudgetRequest(
          measure: "parameters", now: 100, original: 100, goal: 50, iterationGoal: 50, iteration: 0,
          iterations: 1), layers: [LayerRequest(families: [family])])[0][0].keep
    }
    // int(200 · 0.01) = 2 stay; int(50 · 0.01) = 0 would.
    #expect(try keep(200) == 2)
    #expect(try keep(50) == 50)
  }
}
