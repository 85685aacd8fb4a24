import JSON
import PluginRuntime
import Synchronization
import Testing

/// What `uniform` and `layer-distance` do where scores do not compare across families: numbers worked out by hand.
@Suite("Families that lose their shares apart", .enabled(if: Shipped.isBuilt))
struct ApartAllocationTests {
  private typealias State = ExactAllocationTests.State
  private static let (whole, groupCost, channelCost) = (
    ExactAllocationTests.whole, ExactAllocationTests.groupCost, ExactAllocationTests.channelCost
  )

  /// SmolLM2's shape, with KV groups that every joint ranking would take first.
  private func layers(_ state: State, cosines: [Double]? = nil) -> [LayerRequest] {
    var layers = state.layers(cosines: cosines)
    for layer in layers.indices {
      layers[layer].families[0].scores = layers[layer].families[0].scores.indices.map { 1e-6 * Float($0) }
    }
    return layers
  }

  private func shares(
    _ id: String = "adapt-pruner.uniform", _ options: JSONValue = [:], _ state: State = State(),
    to share: Double,
    compare: Bool = false, cosines: [Double]? = nil, services: HostServices = HostServices()
  ) throws -> [[Share]] {
    try AllocatorInstance(of: Shipped.plugin(id), options: options, services: services).allocate(
      model: toyModel,
      budget: ExactAllocationTests.budget(state, goal: Int(share * Double(Self.whole))),
      layers: layers(state, cosines: cosines), scoresCompare: compare)
  }

  @Test("No KV group leaves before a third is to go: channels make up for it, evenly")
  func channelsMakeUp() throws {
    // 20,177,252 parameters are 11,677 channels: 389 of each layer, and one more of seven.
    let keep = try shares(to: 0.85).map { $0.map(\.keep) }
    #expect(keep.allSatisfy { $0[0] == 3 })
    #expect(keep.count { $0[1] == 1146 } == 7 && keep.count { $0[1] == 1147 } == 23)
  }

  @Test("Past a third each layer has lost one group of three, and the same share of its channels")
  func groupsLeaveEverywhere() throws {
    // 53,806,004 less 30 groups at 294,912 are 26,018 channels: 867 of each layer, and one more of eight.
    let keep = try shares(to: 0.6).map { $0.map(\.keep) }
    #expect(keep.allSatisfy { $0[0] == 2 })
    #expect(keep.count { $0[1] == 668 } == 8 && keep.count { $0[1] == 669 } == 22)
  }

  @Test("In several iterations it comes to the same as in one", arguments: [0.85, 0.6])
  func iterations(share: Double) throws {
    var state = State()
    for step in 1...4 {
      state.apply(try shares("adapt-pruner.uniform", [:], state, to: 1 - (1 - share) * Double(step) / 4))
    }
    let atOnce = try shares(to: share)
    #expect(state.groups == atOnce.map { $0[0].keep })
    #expect(zip(state.channels, atOnce).allSatisfy { abs($0 - $1[1].keep) <= 1 })
  }

  @Test("A group does not leave if the channels that leave now are too few to make room for it")
  func noRoomForAGroup() throws {
    // 40 of 100 channels are gone. 45 are to be freed: at a half, 10 channels and a group of 50 come nearest, and 5 too
    // many are left over.
    let attention = FamilyRequest(name: "attention", count: 2, originalCount: 2, cost: 50, scores: [1, 2])
    let mlp = FamilyRequest(
      name: "mlp", count: 60, originalCount: 100, cost: 1, scores: Array(repeating: 1, count: 60))
    let shares = try AllocatorInstance(of: Shipped.plugin("adapt-pruner.uniform")).allocate(
      model: toyModel,
      budget: BudgetRequest(
        measure: "parameters", now: 160, original: 200, goal: 115, iterationGoal: 115, iteration: 0,
        iterations: 1), layers: [LayerRequest(families: [attention, mlp])], scoresCompare: false)
    #expect(shares[0].map(\.keep) == [2, 15])
  }

  @Test("It is FLAP's UL-UM", arguments: [0.95, 0.85, 0.8, 0.75, 0.6, 0.4])
  func isUniformPerFamily(share: Double) throws {
    let apart = try shares(to: share)
    let flap = try shares("adapt-pruner.flap-structure", ["structure": "UL-UM"], to: share)
    #expect(apart.map { $0.map(\.keep) } == flap.map { $0.map(\.keep) })
  }

  @Test("Where scores compare, the cheapest for what it costs goes first, of whichever family")
  func together() throws {
    let keep = try shares(to: 0.85, compare: true).map { $0[0].keep }
    #expect(keep.contains { $0 < 3 })
    // Either can be asked for.
    #expect(try shares("adapt-pruner.uniform", ["families": "together"], to: 0.85).map { $0[0].keep } == keep)
    #expect(
      try shares("adapt-pruner.uniform", ["families": "apart"], to: 0.85, compare: true).map { $0[0].keep }
        == Array(repeating: 3, count: 30))
  }

  @Test("Layers that change the stream more keep more, of each family")
  func layerDistance() throws {
    let options: JSONValue = ["steps": 20, "amplitude": 0.02]
    let cosines = ExactAllocationTests.cosines
    let answer = try shares("adapt-pruner.layer-distance", options, to: 0.6, cosines: cosines)
    #expect(answer[0][1].keep > answer[29][1].keep && answer[29][1].keep > answer[10][1].keep)
    for row in answer {
      let share = row[0].sparsity
      #expect(row[0].keep == 3 - Int(share * 3), "\(share)")
      // What groups do not give, channels do.
      #expect(row[1].keep <= 1536 - Int(share * 1536))
    }
    let size = answer.reduce(Self.whole) {
      $0 - (3 - $1[0].keep) * Self.groupCost - (1536 - $1[1].keep) * Self.channelCost
    }
    let goal = Int(0.6 * Double(Self.whole))
    #expect(size <= goal && size > goal - Self.channelCost)
  }

  @Test("Protected layers lose nothing")
  func protected() throws {
    let keep = try shares("adapt-pruner.uniform", ["protect_first": 2, "protect": [7]], to: 0.6)
      .map { $0.map(\.keep) }
    for layer in keep.indices { #expect((keep[layer] == [3, 1536]) == [0, 1, 7].contains(layer)) }
  }

  @Test("Whoever ranks families together although scores do not compare says so")
  func warning() throws {
    func warned(_ id: String, _ options: JSONValue = [:], compare: Bool) throws -> Bool {
      let lines = Mutex<[HostServices.LogLevel]>([])
      var services = HostServices()
      services.log = { _, level, _ in lines.withLock { $0.append(level) } }
      _ = try shares(id, options, to: 0.9, compare: compare, services: services)
      return lines.withLock { $0 }.contains(.warning)
    }
    for id in ["adapt-pruner.global", "adapt-pruner.one-by-one", "adapt-pruner.flap-structure"] {
      #expect(try warned(id, compare: false), "\(id)")
      #expect(try !warned(id, compare: true), "\(id)")
    }
    #expect(try warned("adapt-pruner.uniform", ["families": "together"], compare: false))
    #expect(try !warned("adapt-pruner.uniform", compare: false))
    #expect(try !warned("adapt-pruner.flap-structure", ["structure": "UL-UM"], compare: false))
  }
}
