import Checkpoints
import Pipeline
import PluginRuntime
import RandomNumbers
import Testing
import Transformer

/// `round_to` and `same_size`, whatever an allocator answers.
@Suite struct EqualWidthsTests {
  /// Three layers of four groups that cost 20, and 100 channels that cost 3: 1140 that could leave, of 2000.
  private static func layers(channels: [Int] = [100, 100, 100], groups: [Int] = [4, 4, 4]) -> [LayerRequest] {
    zip(groups, channels).map { groups, channels in
      LayerRequest(families: [
        FamilyRequest(
          name: "attention", count: groups, originalCount: 4, cost: 20,
          scores: Array(repeating: 1, count: groups)),
        FamilyRequest(
          name: "mlp", count: channels, originalCount: 100, cost: 3,
          scores: Array(repeating: 1, count: channels)),
      ])
    }
  }

  private static func kept(
    _ keep: [[Int]], _ rule: EqualWidths, goal: Int, now: Int = 2000, of layers: [LayerRequest] = layers()
  ) throws -> [[Int]] {
    let budget = BudgetRequest(
      measure: "parameters", now: now, original: 2000, goal: goal, iterationGoal: goal, iteration: 0,
      iterations: 1)
    let shares = keep.map { $0.map { Share(sparsity: 0.5, keep: $0) } }
    return try rule.adjusted(shares, of: layers, budget: budget).map { $0.map(\.keep) }
  }

  @Test func channelsAreMultiplesAndGoBackToWhoLostMost() throws {
    // 90, 75 and 60 cost 225 less than 300 · 3; down to 88, 72 and 56, which frees 27 more: one multiple of 8 is 24.
    let keep = try Self.kept(
      [[4, 90], [4, 75], [4, 60]], EqualWidths(roundTo: 8, sameSize: false), goal: 1775)
    #expect(keep == [[4, 88], [4, 72], [4, 64]])
  }

  @Test func theSameEverywhereIsAsLargeAsTheGoalAllows() throws {
    // 225 to free: 25 channels of three layers.
    let unlike = [[4, 90], [4, 75], [4, 60]]
    #expect(
      try Self.kept(unlike, EqualWidths(roundTo: 1, sameSize: true), goal: 1775)
        == Array(repeating: [4, 75], count: 3))
    #expect(
      try Self.kept(unlike, EqualWidths(roundTo: 1, sameSize: true), goal: 1774)
        == Array(repeating: [4, 74], count: 3))
    #expect(
      try Self.kept(unlike, EqualWidths(roundTo: 8, sameSize: true), goal: 1775)
        == Array(repeating: [4, 72], count: 3))
  }

  @Test func groupsAreAsManyAsWereLeftOnAverage() throws {
    // 2 + 3 + 3 groups: 3 each. 60 are freed by them, 165 by 55 channels, of which 18 in each layer are not enough.
    #expect(
      try Self.kept([[2, 90], [3, 80], [3, 60]], EqualWidths(roundTo: 1, sameSize: true), goal: 1775)
        == Array(repeating: [3, 81], count: 3))
  }

  @Test func aLayerThatIsSmallAlreadyDecides() throws {
    let layers = Self.layers(channels: [100, 70, 100])
    // 1910 before; with 70 everywhere 1730.
    #expect(
      try Self.kept(
        [[4, 80], [4, 60], [4, 80]], EqualWidths(roundTo: 1, sameSize: true), goal: 1760, now: 1910,
        of: layers)
        == Array(repeating: [4, 70], count: 3))
  }

  @Test func whatIsNotThereStaysAway() throws {
    let layers = Self.layers(channels: [100, 0, 100], groups: [4, 0, 4])
    #expect(
      try Self.kept(
        [[4, 90], [0, 0], [4, 70]], EqualWidths(roundTo: 16, sameSize: true), goal: 1500, now: 1620,
        of: layers)
        == [[4, 80], [0, 0], [4, 80]])
  }

  @Test func offChangesNothing() throws {
    let keep = [[4, 90], [1, 75], [4, 61]]
    #expect(try Self.kept(keep, EqualWidths(roundTo: 1, sameSize: false), goal: 1) == keep)
  }

  /// The claims of the documentation, over shapes, goals and answers at random.
  @Test func theGoalIsKeptToWithinOneStep() throws {
    var generator = SplitMix64(state: 8)
    for _ in 0..<500 {
      let count = Int.random(in: 1...6, using: &generator)
      let roundTo = [1, 4, 8, 32].randomElement(using: &generator) ?? 1
      let sameSize = Bool.random(using: &generator)
      let rule = EqualWidths(roundTo: roundTo, sameSize: sameSize)
      // Then the allocator's answer stands, however far below the goal.
      if rule.isOff { continue }
      let layers = Self.layers(
        channels: Array(repeating: 96, count: count), groups: Array(repeating: 4, count: count))
      let now = 1000 + count * (4 * 20 + 96 * 3)
      let smallest = 1000 + count * (20 + roundTo * 3)
      let goal = Int.random(in: smallest...now, using: &generator)
      // Any answer that an allocator is allowed: within the goal, and its minimums.
      var keep = layers.map { _ in [4, 96] }
      func size(_ keep: [[Int]]) -> Int { keep.reduce(1000) { $0 + $1[0] * 20 + $1[1] * 3 } }
      while size(keep) > goal {
        let layer = Int.random(in: 0..<count, using: &generator)
        if keep[layer][1] > roundTo { keep[layer][1] -= 1 } else if keep[layer][0] > 1 { keep[layer][0] -= 1 }
      }
      let answer = try Self.kept(keep, rule, goal: goal, now: now, of: layers)
      #expect(size(answer) <= goal)
      #expect(answer.allSatisfy { $0[1] % roundTo == 0 && $0[1] >= roundTo && $0[0] >= 1 })
      if sameSize { #expect(Set(answer).count == 1) }
      let step = roundTo * 3 * (sameSize ? count : 1)
      // Whoever has all channels left is limited by the groups that the allocator took.
      if answer.contains(where: { $0[1] < 96 }) {
        #expect(size(answer) > goal - step, "\(answer) of \(goal), \(rule)")
      }
    }
  }

  // MARK: - What cannot be

  private static func sizes(groups: Int = 4, channels: Int = 100, headDimension: Int = 4) -> LayerSizes {
    LayerSizes(
      hidden: 16,
      shape: LayerShape(
        queryHeads: 2 * groups, keyValueHeads: groups, headDimension: headDimension,
        intermediateSize: channels))
  }

  private static func refusal(
    _ layers: [LayerSizes], _ rule: EqualWidths, families: [Family] = Family.widths, goal: Double = 0.8
  ) -> String {
    let spent = 1000 + layers.reduce(0) { $0 + $1.parameters }
    do {
      try rule.check(
        layers, families: families, measure: .parameters, spent: spent, goal: Int(goal * Double(spent)))
      return ""
    } catch { return "\(error)" }
  }

  @Test func whatCannotBeEqualIsRefusedBeforeTheStage() {
    let same = EqualWidths(roundTo: 1, sameSize: true)
    #expect(Self.refusal([Self.sizes(), Self.sizes()], same) == "")
    #expect(Self.refusal([Self.sizes(), Self.sizes(channels: 90)], same) == "")
    #expect(Self.refusal([Self.sizes(), Self.sizes(groups: 0, channels: 0)], same) == "")
    #expect(
      Self.refusal([Self.sizes(), Self.sizes(channels: 0)], same).contains(
        "layer 1 and layer 0 do not both have an MLP"))
    #expect(
      Self.refusal([Self.sizes(), Self.sizes(headDimension: 8)], same).contains("heads of the same size"))
    #expect(
      Self.refusal([Self.sizes(), Self.sizes(groups: 2)], same, families: [.mlp]).contains(
        "which this stage does not prune"))
    #expect(
      Self.refusal([Self.sizes(), Self.sizes(channels: 10)], same).contains("the smallest layer decides"))
    #expect(
      Self.refusal([Self.sizes(), Self.sizes(channels: 20)], EqualWidths(roundTo: 32, sameSize: false))
        == "layer 1 has 20 channels, fewer than round_to, 32; lower it")
  }
}
