import JSON
import PluginRuntime
import Testing

@Suite("The global ranking", .enabled(if: Shipped.isBuilt))
struct GlobalTests {
  /// Layers of one group (cost 10) and some channels (cost 1).
  private func layers(_ channels: [[Float]], groups: [Float], minimum: Int = 1) -> [LayerRequest] {
    zip(channels, groups).map { channels, group in
      LayerRequest(families: [
        FamilyRequest(
          name: "attention", count: 2, originalCount: 2, positions: 4, cost: 10, minimum: minimum,
          scores: [group, 1000]),
        FamilyRequest(
          name: "mlp", count: channels.count, originalCount: channels.count, cost: 1, minimum: minimum,
          scores: channels),
      ])
    }
  }

  private func kept(
    _ layers: [LayerRequest], removing excess: Int, _ options: JSONValue = [:]
  ) throws -> [[Int]] {
    let now = layers.flatMap(\.families).reduce(5) { $0 + $1.count * $1.cost }
    let allocator = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.global"), options: options)
    #expect(allocator.meetsGoal)
    return try allocator.allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: now, original: now, goal: now - excess, iterationGoal: now - excess,
        iteration: 0, iterations: 1), layers: layers
    ).map { $0.map(\.keep) }
  }

  @Test("The lowest scores for their cost leave, whatever their layer")
  func ranking() throws {
    let layers = layers([[5, 1, 9, 7], [2, 3, 8, 6]], groups: [1000, 1000])
    #expect(try kept(layers, removing: 3) == [[2, 3], [2, 2]])
    #expect(try kept(layers, removing: 5) == [[2, 2], [2, 1]])
  }

  /// The group of layer 1 is worth 2.5 a parameter: it leaves third, and frees 10 where 3 are wanted more. The two
  /// channels that left before it come back, since 12 − 2 are still enough.
  @Test("What left before a costly unit comes back as far as the goal allows")
  func putsBack() throws {
    let layers = layers([[5, 1, 9, 7], [2, 3, 8, 6]], groups: [1000, 25])
    #expect(try kept(layers, removing: 5) == [[2, 4], [1, 4]])
    #expect(try kept(layers, removing: 11) == [[2, 3], [1, 4]])
    #expect(try kept(layers, removing: 5, ["worth": "score"]) == [[2, 2], [2, 1]])
  }

  @Test("A floor a layer, protected layers, and the host's minimum hold; what can't be met is said")
  func limits() throws {
    let layers = layers([[1, 1, 1, 1], [5, 6, 7, 8]], groups: [1000, 1000])
    #expect(try kept(layers, removing: 3) == [[2, 1], [2, 4]])
    #expect(try kept(layers, removing: 3, ["floor": 0.5]) == [[2, 2], [2, 3]])
    #expect(try kept(layers, removing: 3, ["protect_first": 1]) == [[2, 4], [2, 1]])
    #expect(try kept(layers, removing: 3, ["protect_last": 1]) == [[2, 1], [2, 4]])
    let error = #expect(throws: PluginError.self) { try kept(layers, removing: 5, ["floor": 1]) }
    #expect("\(try #require(error))".contains("can free 0 of the 5"))
    #expect(throws: PluginError.self) { try kept(layers, removing: 3, ["floor": 1.5]) }
  }

  @Test("Blocks, of which a layer may lose its only one")
  func blocks() throws {
    let layers = [Float(3), 1, 2].map {
      LayerRequest(families: [
        FamilyRequest(name: "layer", count: 1, originalCount: 1, cost: 7, minimum: 0, scores: [$0])
      ])
    }
    #expect(try kept(layers, removing: 14) == [[1], [0], [0]])
    #expect(try kept(layers, removing: 8) == [[1], [0], [0]])
    #expect(try kept(layers, removing: 7) == [[1], [0], [1]])
  }
}
