import JSON
import PluginRuntime
import Testing

@Suite("Exact allocations", .enabled(if: Shipped.isBuilt))
struct ExactAllocationTests {
  /// SmolLM2-135M's shape: 30 layers of 3 KV groups and 1536 channels, hidden size 576.
  static let groupCost = 2 * 64 * 576 + 2 * 192 * 576
  static let channelCost = 3 * 576
  static let whole = 134_515_008

  /// A family's units, and what the allocator answered before.
  struct State {
    var groups = [Int](repeating: 3, count: 30)
    var channels = [Int](repeating: 1536, count: 30)
    var shares: [[Share]] = []

    var parameters: Int {
      whole - groups.reduce(0) { $0 + (3 - $1) * groupCost }
        - channels.reduce(0) { $0 + (1536 - $1) * channelCost }
    }

    func layers(cosines: [Double]? = nil) -> [LayerRequest] {
      (0..<30).map { layer in
        let previous = shares.isEmpty ? [0, 0] : shares[layer].map(\.sparsity)
        return LayerRequest(
          families: [
            FamilyRequest(
              name: "attention", count: groups[layer], originalCount: 3, positions: 64, cost: groupCost,
              previousSparsity: previous[0],
              // In the middle of the channels, for what it costs.
              scores: (0..<groups[layer]).map { Float($0 + 1) * 400 * Float(groupCost / channelCost) }),
            FamilyRequest(
              name: "mlp", count: channels[layer], originalCount: 1536, cost: channelCost,
              previousSparsity: previous[1],
              scores: (0..<channels[layer]).map { Float(1536 - channels[layer] + $0) }),
          ], statistics: cosines.map { ["layer_cosine": $0[layer]] } ?? [:])
      }
    }

    mutating func apply(_ answer: [[Share]]) {
      shares = answer
      groups = answer.map { $0[0].keep }
      channels = answer.map { $0[1].keep }
    }
  }

  static func budget(_ state: State, goal: Int) -> BudgetRequest {
    BudgetRequest(
      measure: "parameters", now: state.parameters, original: whole, goal: goal, iterationGoal: goal,
      iteration: 0, iterations: 20)
  }

  /// Layer 0 changes the stream most, the last layers somewhat.
  static let cosines: [Double] =
    [0.1] + Array(repeating: 0.98, count: 25) + [0.93, 0.88, 0.83, 0.78]

  @Test(
    "Every iteration ends at its goal, or less than one channel below it",
    arguments: ["adapt-pruner.uniform", "adapt-pruner.layer-distance"])
  func meetsEveryGoal(id: String) throws {
    let allocator = try AllocatorInstance(of: Shipped.plugin(id))
    #expect(allocator.meetsGoal)
    var state = State()
    for iteration in 1...20 {
      let goal = Self.whole - Self.whole * 3 * iteration / 100
      let before = state
      state.apply(
        try allocator.allocate(
          model: toyModel, budget: Self.budget(state, goal: goal), layers: state.layers(cosines: Self.cosines)
        ))
      #expect(state.parameters <= goal)
      #expect(state.parameters > goal - Self.channelCost)
      #expect(zip(state.groups, before.groups).allSatisfy { $0 <= $1 })
      #expect(zip(state.channels, before.channels).allSatisfy { $0 <= $1 })
    }
    // Down to 40%, KV groups have gone too, and no layer has lost all.
    #expect(state.groups.contains { $0 < 3 })
    #expect(state.groups.allSatisfy { $0 >= 1 })
  }

  @Test("A goal equal to the size removes nothing")
  func nothingToDo() throws {
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.uniform"))
    let state = State()
    let shares = try allocator.allocate(
      model: toyModel, budget: Self.budget(state, goal: Self.whole), layers: state.layers())
    #expect(shares.allSatisfy { $0.map(\.keep) == [3, 1536] && $0.map(\.sparsity) == [0, 0] })
  }

  @Test("Before any KV group is due, uniform takes the same number of channels everywhere")
  func uniformIsEven() throws {
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.uniform"))
    let state = State()
    // 100 channels a layer, and half a channel's cost.
    let goal = Self.whole - 30 * 100 * Self.channelCost
    let shares = try allocator.allocate(
      model: toyModel, budget: Self.budget(state, goal: goal), layers: state.layers())
    #expect(shares.allSatisfy { $0.map(\.keep) == [3, 1436] })
  }

  @Test("Layers that change the stream more keep more")
  func adaptiveSparesDistantLayers() throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin("adapt-pruner.layer-distance"), options: ["steps": 20, "amplitude": 0.02])
    let state = State()
    let goal = Self.whole * 97 / 100
    let shares = try allocator.allocate(
      model: toyModel, budget: Self.budget(state, goal: goal), layers: state.layers(cosines: Self.cosines))
    #expect(shares[0][1].keep > shares[29][1].keep)
    #expect(shares[29][1].keep > shares[10][1].keep)
    // In the published proportions: s is k · (1/20 − 0.02·Î), and Î is 1 for layer 0.
    let mean = Self.cosines.reduce(0, +) / 30
    let importance = Self.cosines.map { (mean - $0) / (mean - Self.cosines[0]) }
    let times = zip(shares, importance).map { $0[1].sparsity / (0.05 - 0.02 * $1) }
    #expect(times.allSatisfy { abs($0 - times[0]) < 1e-9 })
  }

  @Test("A goal below what the minimums allow is refused with the smallest that can be reached")
  func unreachable() throws {
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.uniform"))
    let state = State()
    let smallest = Self.whole - 30 * (2 * Self.groupCost + 1535 * Self.channelCost)
    let words = sentence {
      _ = try allocator.allocate(
        model: toyModel, budget: Self.budget(state, goal: smallest - 1), layers: state.layers())
    }
    #expect(words.contains("cannot be reached"))
    #expect(words.contains("\(smallest) remain"))
    let shares = try allocator.allocate(
      model: toyModel, budget: Self.budget(state, goal: smallest), layers: state.layers())
    #expect(shares.allSatisfy { $0.map(\.keep) == [1, 1] })
  }

  /// The runtime refuses an answer that misses the goal, grows a family or goes below its minimum: here that
  /// nothing is thrown is the claim. Half of the layers have negative increments at the larger amplitudes.
  @Test("Any goal that can be reached is met, whatever the shapes, costs, minimums and history")
  func anyGoal() throws {
    let random = RandomStream(seed: 1, plugin: "test", stream: 0)
    var drawn = 0
    func pick(_ range: ClosedRange<Int>) -> Int {
      drawn += 1
      return range.lowerBound + Int(random.uniform(drawn) * Float(range.count))
    }
    for _ in 0..<400 {
      let allocator = try AllocatorInstance(
        of: Shipped.plugin("adapt-pruner.layer-distance"),
        options: ["steps": .integer(pick(1...50)), "amplitude": .number(Double(pick(0...20)) / 100)])
      let costs = [pick(1...1000), pick(1...20)]
      let layers = (0..<pick(1...6)).map { _ in
        LayerRequest(
          families: (0..<2).map { family in
            let original = pick(1...40)
            // Of a sublayer that was removed as a whole nothing is there.
            let count = pick(0...original)
            return FamilyRequest(
              name: family == 0 ? "attention" : "mlp", count: count, originalCount: original,
              positions: family == 0 ? 8 : 1, cost: costs[family] + pick(0...3),
              minimum: pick(1...max(1, count)),
              previousSparsity: Double(pick(0...99)) / 100,
              scores: (0..<count).map { _ in Float(pick(0...9)) })
          }, statistics: ["layer_cosine": Double(pick(0...100)) / 100])
      }
      let families = layers.flatMap(\.families)
      let now = 1000 + families.reduce(0) { $0 + $1.count * $1.cost }
      let smallest = 1000 + families.reduce(0) { $0 + min($1.count, $1.minimum) * $1.cost }
      let goal = pick(smallest...now)
      _ = try allocator.allocate(
        model: toyModel,
        budget: BudgetRequest(
          measure: "macs", now: now, original: now * 2, goal: smallest, iterationGoal: goal, iteration: 3,
          iterations: 9), layers: layers)
    }
  }

  @Test("A minimum that the user sets is kept, exactly or as published", arguments: ["exact", "published"])
  func minimum(budget: String) throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin("adapt-pruner.uniform"), options: ["budget": .string(budget), "steps": 2])
    let family = FamilyRequest(
      name: "mlp", count: 100, originalCount: 100, cost: 1, minimum: 70,
      scores: Array(repeating: 1, count: 100))
    let free = FamilyRequest(
      name: "mlp", count: 100, originalCount: 100, cost: 1, scores: Array(repeating: 1, count: 100))
    let shares = try allocator.allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: 200, original: 200, goal: 120, iterationGoal: 120, iteration: 0,
        iterations: 1),
      layers: [LayerRequest(families: [family]), LayerRequest(families: [free])])
    // Half as published; as exact, what the first layer may not give comes from the second.
    #expect(shares.map { $0[0].keep } == [70, 50])
  }

  @Test("A layer whose attention is gone gives the same share of its channels as one that has it")
  func removedSublayer() throws {
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.uniform"))
    let mlp = FamilyRequest(
      name: "mlp", count: 1000, originalCount: 1000, cost: 1, scores: Array(repeating: 1, count: 1000))
    func attention(_ count: Int) -> FamilyRequest {
      FamilyRequest(
        name: "attention", count: count, originalCount: 10, positions: 8, cost: count == 0 ? 0 : 100,
        previousSparsity: count == 0 ? 1 : 0, scores: Array(repeating: 1000, count: count))
    }
    let shares = try allocator.allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: 3000, original: 4000, goal: 2850, iterationGoal: 2850, iteration: 0,
        iterations: 1),
      layers: [LayerRequest(families: [attention(0), mlp]), LayerRequest(families: [attention(10), mlp])])
    // 5 % of 1000 and of 2000; channels matter less for what they cost.
    #expect(shares.map { $0.map(\.keep) } == [[0, 950], [10, 900]])
  }

  @Test(
    "Whole sublayers and layers are refused",
    arguments: ["adapt-pruner.uniform", "adapt-pruner.layer-distance"],
    ["attention_block", "mlp_block", "layer"])
  func wholeLayers(_ id: String, _ family: String) throws {
    for aim in ["exact", "published"] {
      let allocator = try AllocatorInstance(of: Shipped.plugin(id), options: ["budget": .string(aim)])
      let layer = LayerRequest(
        families: [
          FamilyRequest(name: family, count: 1, originalCount: 1, cost: 10, minimum: 0, scores: [1])
        ], statistics: ["layer_cosine": 0.5])
      let words = sentence {
        _ = try allocator.allocate(
          model: toyModel,
          budget: BudgetRequest(
            measure: "parameters", now: 20, original: 20, goal: 10, iterationGoal: 10, iteration: 0,
            iterations: 1), layers: [layer, layer])
      }
      #expect(words.contains("the units of family \"\(family)\" are whole sublayers or layers"), "\(words)")
      #expect(words.contains(id), "\(words)")
    }
  }

  @Test("Protected layers lose nothing")
  func protected() throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin("adapt-pruner.uniform"),
      options: ["protect_first": 2, "protect_last": 1, "protect": [7]])
    let state = State()
    let shares = try allocator.allocate(
      model: toyModel, budget: Self.budget(state, goal: Self.whole * 6 / 10), layers: state.layers())
    for layer in 0..<30 {
      #expect((shares[layer].map(\.keep) == [3, 1536]) == [0, 1, 7, 29].contains(layer))
    }
  }

  @Test("A protected layer that the model does not have is named")
  func protectedBeyondTheEnd() throws {
    let allocator = try AllocatorInstance(
      of: Shipped.plugin("adapt-pruner.uniform"), options: ["protect": [30]])
    let state = State()
    #expect(
      sentence {
        _ = try allocator.allocate(
          model: toyModel, budget: Self.budget(state, goal: Self.whole / 2), layers: state.layers())
      } == "adapt-pruner.uniform: allocate refused the options: protect names layer 30, the model has 30")
  }

  @Test("The distances' sign: more change is more important, or less as published")
  func distanceSign() throws {
    func keep(_ options: JSONValue) throws -> [Int] {
      let allocator = try AllocatorInstance(
        of: Shipped.plugin("adapt-pruner.layer-distance"), options: options)
      let statistic = try #require(allocator.statistics.first)
      let layers = (0..<2).map { layer in
        LayerRequest(
          families: [
            FamilyRequest(
              name: "mlp", count: 1000, originalCount: 1000, cost: 1, scores: Array(repeating: 1, count: 1000)
            )
          ],
          statistics: [statistic: Double(layer)])
      }
      return try allocator.allocate(
        model: toyModel,
        budget: BudgetRequest(
          measure: "parameters", now: 2000, original: 2000, goal: 1900, iterationGoal: 1900, iteration: 0,
          iterations: 1), layers: layers
      ).map { $0[0].keep }
    }
    // Î = ∓1, so that the layers lose 0.07 and 0.03, or the other way round.
    let options: JSONObject = ["distance": "euclidean", "steps": 20]
    #expect(try keep(.object(options)) == [930, 970])
    var published = options
    published["distance_sign"] = "published"
    #expect(try keep(.object(published)) == [970, 930])
    #expect(try keep(["distance": "cosine", "steps": 20]) == [970, 930])
  }
}
