import JSON
import PluginRuntime
import Testing

@Suite("Transforms that answer wrongly")
struct WrongTransformTests {
  private func transform(_ mode: String) throws -> TransformInstance {
    try TransformInstance(
      of: LoadedPlugin(loading: CompiledPlugin.fixture("wrong_transform", kind: .transform)),
      options: ["mode": .string(mode)])
  }

  private let places = [
    PlaceRequest(name: "attention", layer: 0, cost: 10), PlaceRequest(name: "mlp", layer: 0, cost: 20),
    PlaceRequest(name: "head", layer: 1, cost: 16),
  ]

  private func widths(_ mode: String, goal: Int? = 200) throws -> [Int] {
    try transform(mode).widths(
      model: toyModel,
      ResidualRequest(
        measure: "parameters", hidden: 4, fixed: 7, original: 300, goal: goal, places: places))
  }

  private func basis(_ mode: String) throws -> [Double] {
    try transform(mode).orient(
      model: toyModel,
      OrientRequest(
        place: places[1], hidden: 3, width: 2, tokens: 5, gram: [Double](repeating: 1, count: 9)))
  }

  @Test func areRefusedForTheirWidths() throws {
    // 7 + 10 + 20 + 16 and two shortcuts of one element.
    #expect(try widths("right") == [1, 1, 1])
    #expect(try widths("right", goal: 55) == [1, 1, 1])
    #expect(
      sentence { _ = try widths("right", goal: 54) }
        == "fixture.plugin: widths of the residual stream must be such that at most 54 parameters are left, but is such "
        + "that 55 are.")
    #expect(
      sentence { _ = try widths("0") }
        == "fixture.plugin: width of layer 0, attention must be in 1 ... 4, but is 0.")
    #expect(
      sentence { _ = try widths("wide") }
        == "fixture.plugin: width of layer 0, attention must be in 1 ... 4, but is 5.")
    #expect(
      sentence { _ = try widths("misses") }
        == "fixture.plugin: width of layer 0, mlp must be in 1 ... 4, but is not written.")
    #expect(sentence { _ = try widths("greedy") }.contains("at most 200 parameters are left"))
    #expect(try widths("greedy", goal: nil) == [4, 4, 4])
  }

  @Test func areRefusedForTheirBases() throws {
    #expect(try basis("right") == [1, 0, 0, 0, 1, 0, 0, 0, 1])
    for mode in ["empty", "long", "slanted"] {
      let words = sentence { _ = try basis(mode) }
      #expect(
        words.hasPrefix(
          "fixture.plugin: the basis of layer 0, mlp must be orthonormal (BᵀB = 1), but is not: BᵀBv is "),
        "\(words)")
    }
    #expect(
      sentence { _ = try basis("nan") }
        == "fixture.plugin: element 8 of the basis of layer 0, mlp must be finite, but is nan.")
    #expect(sentence { _ = try basis("infinite") }.contains("element 2 of the basis"))
    #expect(
      sentence { _ = try basis("past") }
        == "fixture.plugin: the basis of layer 0, mlp must be 9 elements, but is more.")
  }

  @Test func sayWhatTheyWant() throws {
    #expect(try transform("fixes").fixesWidths && !transform("right").fixesWidths)
    #expect(try transform("centers").centersEmbeddings && !transform("right").centersEmbeddings)
    #expect(try transform("tokens").normalisesTokens && !transform("right").normalisesTokens)
  }

  @Test func anotherKindIsNoTransform() {
    #expect(
      sentence { _ = try TransformInstance(of: LoadedPlugin(loading: CompiledPlugin.fixture("good"))) }
        .contains("a transform"))
  }
}

/// SliceGPT's widths, by hand and as published.
@Suite("SliceGPT", .enabled(if: Shipped.isBuilt))
struct SliceGPTWidthsTests {
  private func transform(_ options: JSONValue) throws -> TransformInstance {
    try TransformInstance(of: Shipped.plugin("adapt-pruner.slicegpt"), options: options)
  }

  private func widths(
    _ options: JSONValue, hidden: Int, energies: [[Double]]? = nil, goal: Int? = nil
  ) throws -> [Int] {
    let places = [("attention", 0, 10), ("mlp", 0, 20), ("head", 1, 16)].enumerated().map {
      PlaceRequest(name: $1.0, layer: $1.1, cost: $1.2, energies: energies?[$0])
    }
    return try transform(options).widths(
      model: toyModel,
      ResidualRequest(
        measure: "parameters", hidden: hidden, fixed: 7, original: 300, goal: goal, places: places))
  }

  /// new_dim of the published runs, on small models and SmolLM2.
  @Test(arguments: [(64, 0.0, 64), (64, 0.2, 48), (64, 0.3, 40), (576, 0.2, 456), (576, 0.3, 400)])
  func aSparsityIsRoundedAsPublished(_ hidden: Int, _ sparsity: Double, _ width: Int) throws {
    let options: JSONValue = ["sparsity": .number(sparsity), "round_to": 8]
    #expect(try widths(options, hidden: hidden) == [width, width, hidden])
    let all: JSONValue = ["sparsity": .number(sparsity), "round_to": 8, "slice_head": true]
    #expect(try widths(all, hidden: hidden) == [width, width, width])
  }

  /// w columns at two places and four at the head come to 7 + 30 w + 64 + w² + 4 w.
  @Test func oneWidthIsTheWidestWithinTheGoal() throws {
    #expect(try widths([:], hidden: 4, goal: 71 + 34 * 2 + 4) == [2, 2, 4])
    #expect(try widths([:], hidden: 4, goal: 71 + 34 * 2 + 3) == [1, 1, 4])
    #expect(try widths([:], hidden: 4, goal: 1000) == [4, 4, 4])
    #expect(try widths(["round_to": 3], hidden: 4, goal: 71 + 34 * 4 + 16) == [4, 4, 4])
    #expect(try widths(["round_to": 3], hidden: 4, goal: 71 + 34 * 4 + 15) == [3, 3, 4])
    let words = sentence { _ = try widths([:], hidden: 4, goal: 105) }
    #expect(words.contains("out of reach") && words.contains("106 are left") && words.contains("slice_head"))
  }

  private let spectra: [[Double]] = [[8, 1, 0.6, 0.4], [5, 4, 1, 0], [97, 1, 1, 1]]

  @Test func aShareOfTheEnergyIsKeptWithTheFewestColumns() throws {
    func kept(_ energy: Double, _ more: JSONObject = [:]) throws -> [Int] {
      var options: JSONObject = ["spread": "energy", "energy": .number(energy)]
      for member in more.members { options[member.key] = member.value }
      return try widths(.object(options), hidden: 4, energies: spectra)
    }
    #expect(try kept(0.75) == [1, 2, 4])
    #expect(try kept(0.85) == [2, 2, 4])
    #expect(try kept(0.95, ["slice_head": true]) == [3, 3, 1])
    #expect(try kept(0.95, ["slice_head": true, "round_to": 2]) == [4, 4, 2])
    #expect(try kept(1) == [4, 3, 4])
  }

  /// Of the losses that widths can have, the smallest whose widths are within the goal.
  @Test func aGoalIsMetWithTheSameLossEverywhere() throws {
    func met(_ goal: Int) throws -> [Int] {
      try widths(["spread": "energy", "slice_head": true], hidden: 4, energies: spectra, goal: goal)
    }
    func size(_ w: [Int]) -> Int { 7 + 10 * w[0] + 20 * w[1] + 16 * w[2] + w[0] * w[1] + w[1] * w[2] }
    // Losses are 0.2, 0.1, 0.04, 0 · 0.5, 0.1, 0, 0 · 0.03, 0.02, 0.01, 0.
    for (loss, expected) in [
      (0.5, [1, 1, 1]), (0.2, [1, 2, 1]), (0.1, [2, 2, 1]), (0.04, [3, 3, 1]), (0.03, [4, 3, 1]),
      (0.02, [4, 3, 2]), (0.01, [4, 3, 3]), (0, [4, 3, 4]),
    ] {
      #expect(try met(size(expected)) == expected, "a loss of \(loss)")
    }
    #expect(try met(size([3, 3, 1]) - 1) == [2, 2, 1])
    #expect(sentence { _ = try met(size([1, 1, 1]) - 1) }.contains("out of reach"))
  }

  @Test func optionsThatContradictOneAnotherAreRefused() throws {
    #expect(sentence { _ = try transform(["energy": 0.9]) }.contains("energy goes with"))
    #expect(
      sentence { _ = try transform(["spread": "energy", "sparsity": 0.2]) }.contains("sparsity goes with"))
    #expect(sentence { _ = try transform(["sparsity": 1]) }.contains("leaves no column"))
    #expect(try transform(["sparsity": 0.2]).fixesWidths && !transform([:]).fixesWidths)
    #expect(try transform(["spread": "energy"]).statistics == ["residual_energies"])
    #expect(try transform([:]).statistics == [])
  }
}
