import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// A layer without attention hands its input on to its MLP, one without an MLP the attention's sum to the next layer:
/// what the same layer does whose last projection is all zero.
@Suite struct RemovedSublayerTests {
  private let workers = Workers(count: 2)
  private let tokens: [Int32] = [3, 17, 9, 30, 2, 11, 8, 1, 5, 5, 29, 21]
  private let sequences: [[Int32]] = [[3, 17, 9, 30, 2, 11, 8], [1, 5, 5, 29, 21], [12, 0, 31, 4]]

  /// What is removed from three layers, with the projections that are zero in the model that it is compared with.
  static let removals: [[(family: Family, layer: Int)]] = [
    [(.attentionBlock, 0)], [(.mlpBlock, 2)], [(.layer, 1)],
    [(.attentionBlock, 0), (.layer, 1), (.mlpBlock, 2)],
    [(.attentionBlock, 0), (.attentionBlock, 1), (.attentionBlock, 2)],
    [(.mlpBlock, 0), (.mlpBlock, 1), (.mlpBlock, 2)],
  ]

  private func withDecoders(
    _ kind: SmallModel.Kind, _ removal: [(family: Family, layer: Int)],
    _ body: (_ cut: Decoder, _ zero: Decoder, _ model: SmallModel) throws -> Void
  ) throws {
    var model = SmallModel(kind, seed: 11, layers: 3)
    let folder = try model.write()
    for (family, layer) in removal {
      for name in family.widths.map({ $0 == .attention ? "self_attn.o_proj" : "mlp.down_proj" }) {
        for part in ["weight", "bias"] {
          let key = "model.layers.\(layer).\(name).\(part)"
          if let values = model.weights[key] { model.weights[key] = values.map { _ in 0 } }
        }
      }
    }
    let zeroed = try model.write()
    defer { for place in [folder, zeroed] { try? FileManager.default.removeItem(at: place) } }
    let cut = try Decoder(Checkpoint.open(folder.path))
    for (family, layer) in removal { try cut.keep([], of: family, layer: layer) }
    try body(cut, Decoder(Checkpoint.open(zeroed.path)), model)
  }

  @Test(arguments: SmallModel.Kind.allCases, removals.indices)
  func logitsAreThoseOfAModelWhoseLastProjectionIsZero(_ kind: SmallModel.Kind, _ index: Int) throws {
    try withDecoders(kind, Self.removals[index]) { cut, zero, _ in
      let found = try cut.logits(tokens, workers: workers)
      let expected = try zero.logits(tokens, workers: workers)
      #expect(found == expected)
    }
  }

  private func gradients(
    of decoder: Decoder, _ gradients: CalibrationRequest.Gradients, activationLimit: Int
  ) throws -> (sums: [String: [Float]], squares: [String: [Float]], seen: [Int], result: CalibrationResult) {
    var sums: [String: [Float]] = [:]
    var squares: [String: [Float]] = [:]
    var seen: [Int] = []
    func values(_ parameter: NamedParameter) -> [Float] {
      Array(UnsafeBufferPointer(start: parameter.base, count: parameter.rows * parameter.columns))
    }
    let result = try decoder.calibrate(
      CalibrationRequest(
        sequences: sequences, batchSize: 2, gradients: gradients, activationLimit: activationLimit),
      workers: workers
    ) { layer in
      seen.append(layer.layer)
      for parameter in layer.gradients?.named ?? [] {
        sums["\(layer.layer).\(parameter.name)"] = values(parameter)
      }
      for parameter in layer.squares?.named ?? [] where !parameter.isVector {
        squares["\(layer.layer).\(parameter.name)"] = values(parameter)
      }
    }
    sums.merge(try decoder.endGradients(sequences, batchSize: 2)) { $1 }
    return (sums, squares, seen, result)
  }

  @Test(arguments: SmallModel.Kind.allCases, removals.indices)
  func gradientsOfTheRestAreToo(_ kind: SmallModel.Kind, _ index: Int) throws {
    try withDecoders(kind, Self.removals[index]) { cut, zero, _ in
      for limit in [0, 1 << 20] {
        let found = try gradients(of: cut, .sum, activationLimit: limit)
        let expected = try gradients(of: zero, .sum, activationLimit: limit)
        #expect(!found.sums.isEmpty)
        for (name, values) in found.sums {
          #expect(relativeError(values, try #require(expected.sums[name])) < 1e-5, "\(name)")
        }
        // One that has something is shown, one that has nothing is not.
        #expect(found.seen == [2, 1, 0].filter { !cut.sizes($0).isEmpty })
        #expect(found.result.losses.count == 2)
        for (left, right) in zip(found.result.losses, expected.result.losses) {
          #expect(abs(left - right) < 1e-6)
        }
        #expect(found.result.distances.cosine.count == 3 && expected.result.distances.cosine.count == 3)
        for (left, right) in zip(found.result.distances.cosine, expected.result.distances.cosine) {
          #expect(abs(left - right) < 1e-6)
        }
        let squared = try gradients(of: cut, .sumAndSquares, activationLimit: limit).squares
        let other = try gradients(of: zero, .sumAndSquares, activationLimit: limit).squares
        #expect(squared.keys.contains { $0.contains("mlp") || $0.contains("self_attn") })
        for (name, values) in squared {
          #expect(relativeError(values, try #require(other[name])) < 1e-5, "\(name)")
        }
      }
    }
  }

  /// Two mini-batches: of a stream from itself the cosines are 1 in each, the distances 0.
  @Test func distancesAreMeasuredWhereNothingIsLeft() throws {
    try withDecoders(.llama, [(.layer, 1)]) { cut, _, _ in
      for kind in [CalibrationRequest.Gradients.none, .sum] {
        let (_, _, seen, result) = try gradients(of: cut, kind, activationLimit: 1 << 20)
        #expect(seen.sorted() == [0, 2])
        #expect(abs(result.distances.cosine[1] - 2) < 1e-6)
        #expect(result.distances.euclidean[1] == 0 && result.distances.manhattan[1] == 0)
        #expect(result.distances.euclidean[0] > 0 && result.distances.euclidean.count == 3)
      }
      var shown: [Int] = []
      try cut.forEachLayer(workers: workers) { shown.append($0.layer) }
      #expect(shown == [2, 0])
    }
  }

  /// The whole sequence anew for each token is the oracle.
  @Test(arguments: SmallModel.Kind.allCases, removals.indices)
  func continuingGivesTheLogitsOfTheWholeSequence(_ kind: SmallModel.Kind, _ index: Int) throws {
    try withDecoders(kind, Self.removals[index]) { cut, _, _ in
      let whole = try cut.logits(tokens, workers: workers)
      let generator = try Generator(cut, capacity: tokens.count, workers: workers)
      var found = try generator.read(Array(tokens[..<5]))
      for position in 5..<tokens.count {
        let expected = Array(whole[(position - 1) * cut.vocabulary..<position * cut.vocabulary])
        #expect(relativeError(found, expected) < 1e-5, "before token \(position)")
        found = try generator.read([tokens[position]])
      }
      #expect(relativeError(found, Array(whole.suffix(cut.vocabulary))) < 1e-5)
    }
  }

  /// Counted by the shapes of the configuration's parameters, one by one.
  @Test(arguments: SmallModel.Kind.allCases, removals.indices)
  func parametersAreThoseOfTheTensorsThatStay(_ kind: SmallModel.Kind, _ index: Int) throws {
    try withDecoders(kind, Self.removals[index]) { cut, zero, model in
      #expect(zero.parameters == model.configuration.parameterCount)
      #expect(cut.parameters == cut.prunedConfiguration.parameterCount)
      var counted = 0
      var names: [String] = []
      try cut.forEachParameter(workers: workers) { name, values in
        counted += values.count
        if names.last != name { names.append(name) }
      }
      #expect(counted == cut.parameters)
      #expect(Set(names) == Set(cut.prunedConfiguration.parameters.keys))
      // 3 · hidden for a channel, of a group's projections 2 · hidden for a row of its one key head and two query heads.
      let gone = Self.removals[index].flatMap { removal in removal.family.widths }
      let macs = gone.reduce(0) { $0 + ($1 == .attention ? 3 * 4 * 8 * (2 + 2 * 2) : 3 * 8 * 10) }
      #expect(zero.multiplyAccumulates - cut.multiplyAccumulates == macs)
    }
  }

  @Test func aBlockIsOneUnitAsLongAsItIsThere() throws {
    let folder = try SmallModel(.llama, seed: 11, layers: 3).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let decoder = try Decoder(Checkpoint.open(folder.path))
    func units(_ layer: Int) -> [[OriginalUnit]] {
      [Family.attentionBlock, .mlpBlock, .layer].map { decoder.kept[layer].units(of: $0) }
    }
    #expect(units(0) == [[0], [0], [0]])
    try decoder.keep([0], of: .layer, layer: 0)
    #expect(units(0) == [[0], [0], [0]])
    try decoder.keep([1, 2], of: .attention, layer: 0)
    try decoder.keep([], of: .attentionBlock, layer: 0)
    #expect(units(0) == [[], [0], [0]])
    try decoder.keep([], of: .layer, layer: 0)
    #expect(units(0) == [[], [], []])
    #expect(units(1) == [[0], [0], [0]])
    for family in Family.allCases.dropFirst(2) {
      #expect(decoder.originalCount(of: family, layer: 0) == 1)
    }
    // What is gone cannot be kept, nor half of a block, and a part of a layer never goes as a whole.
    for (positions, family, layer): ([CurrentUnit], Family, Int) in [
      ([0], .layer, 0), ([1], .mlpBlock, 1), ([0, 0], .layer, 1), ([], .attention, 1), ([], .mlp, 1),
      ([], .layer, 3),
    ] {
      #expect(throws: DecoderError.badSelection(layer: layer, family: family)) {
        try decoder.keep(positions, of: family, layer: layer)
      }
    }
  }

  @Test func adaptersOfProjectionsThatAreGoneAreRefused() throws {
    try withDecoders(.llama, [(.attentionBlock, 0), (.attentionBlock, 1), (.attentionBlock, 2)]) {
      cut, _, _ in
      func trainer(_ targets: [String]) throws -> Trainer {
        try Trainer(
          cut, .lowRank(LowRankOptions(rank: 2, alpha: 4, targets: targets, seed: 1)),
          optimizer: AdamWOptions(), maxGradientNorm: nil,
          room: TrainingRoom(tokens: 16, longest: 16, activationLimit: 0), workers: workers)
      }
      #expect(throws: DecoderError.nothingToTrain) { try trainer(["q_proj", "o_proj"]) }
      // rank · (8 + 10) in each of the three layers
      let some = try trainer(["q_proj", "up_proj"])
      #expect(some.trainableParameters == 3 * 2 * 18)
    }
  }

  @Test func theLastSublayerStays() throws {
    let folder = try SmallModel(.llama, seed: 11).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let decoder = try Decoder(Checkpoint.open(folder.path))
    try decoder.keep([], of: .layer, layer: 0)
    let refusal = DecoderError.emptyModel(file: folder.path)
    #expect(throws: refusal) { try decoder.keep([], of: .layer, layer: 1) }
    try decoder.keep([], of: .attentionBlock, layer: 1)
    #expect(throws: refusal) { try decoder.keep([], of: .mlpBlock, layer: 1) }
    #expect(decoder.kept[1].units(of: .mlp) == Array(0..<10), "a refused cut changes nothing")
    let nothing = KeptUnits<Numbering.Checkpoint> { _ in [] }
    #expect(throws: refusal) { try decoder.select([nothing, nothing]) }
    // A run's state is put back as it was.
    let left = decoder.selected
    let again = try Decoder(Checkpoint.open(folder.path))
    try again.select(left)
    #expect(again.selected == left && again.parameters == decoder.parameters)
    #expect(throws: DecoderError.wrongOrigin(file: folder.path)) { try again.select([nothing]) }
  }
}
