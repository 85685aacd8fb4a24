import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// The second-order statistic by its definition: h = mean over single sequences of g², with g the gradient of the
/// sequence's own mean cross-entropy. Each sequence alone in a pass of its own is the oracle.
@Suite struct SquaredGradientTests {
  private static let sequences: [[Int32]] = [
    [3, 17, 9, 30, 2, 11, 8], [1, 5, 5, 29, 21], [12, 0, 31, 4, 4, 4, 19, 23, 6], [7, 7],
    [22, 13, 2, 2, 30, 28],
  ]

  /// [parameter name: values] of the sum and, if asked for, of the squares.
  private func gradients(
    _ decoder: Decoder, _ sequences: [[Int32]], batchSize: Int, _ kind: CalibrationRequest.Gradients
  ) throws -> (sum: [String: [Float]], squares: [String: [Float]], losses: [Double]) {
    var sum: [String: [Float]] = [:]
    var squares: [String: [Float]] = [:]
    func copy(_ parameter: NamedParameter) -> [Float] {
      Array(UnsafeBufferPointer(start: parameter.base, count: parameter.rows * parameter.columns))
    }
    let result = try decoder.calibrate(
      CalibrationRequest(sequences: sequences, batchSize: batchSize, gradients: kind),
      workers: Workers(count: 2)
    ) { layer in
      for parameter in layer.gradients?.named ?? [] {
        sum["\(layer.layer).\(parameter.name)"] = copy(parameter)
      }
      for parameter in layer.squares?.named ?? [] {
        squares["\(layer.layer).\(parameter.name)"] = copy(parameter)
      }
    }
    return (sum, squares, result.losses)
  }

  private func check(_ decoder: Decoder, _ name: String, _ sequences: [[Int32]]) throws {
    let both = try gradients(decoder, sequences, batchSize: 2, .sumAndSquares)
    let sum = try gradients(decoder, sequences, batchSize: 2, .sum)
    var means: [String: [Float]] = [:]
    for sequence in sequences {
      for (parameter, values) in try gradients(decoder, [sequence], batchSize: 1, .sum).sum {
        let squares = values.map { $0 * $0 / Float(sequences.count) }
        means[parameter] = means[parameter].map { zip($0, squares).map(+) } ?? squares
      }
    }
    #expect(!sum.sum.isEmpty && Set(both.sum.keys) == Set(sum.sum.keys))
    for (parameter, expected) in sum.sum {
      let error = relativeError(try #require(both.sum[parameter]), expected)
      #expect(error < 2e-5, "\(name), sum of \(parameter): \(error)")
    }
    // Of the matrices: a criterion is handed nothing else.
    let matrices = means.filter { $0.key.hasSuffix("_proj.weight") }
    #expect(matrices.count == 7 * decoder.layerCount)
    for (parameter, expected) in matrices {
      let error = relativeError(try #require(both.squares[parameter]), expected)
      #expect(error < 2e-5, "\(name), squares of \(parameter): \(error)")
    }
    #expect(!both.losses.isEmpty && both.losses.count == sum.losses.count)
    for (found, expected) in zip(both.losses, sum.losses) { #expect(abs(found - expected) < 1e-6, "\(name)") }
  }

  @Test(arguments: SmallModel.Kind.allCases)
  func squaresAreTheMeanOfEachSequencesOwn(_ kind: SmallModel.Kind) throws {
    let folder = try SmallModel(kind, seed: 11).write()
    defer { try? FileManager.default.removeItem(at: folder) }
    let decoder = try Decoder(Checkpoint.open(folder.path))
    try check(decoder, "\(kind)", Self.sequences)
    // And of a model with layers of different sizes.
    try decoder.keep([0, 2], of: .attention, layer: 0)
    try decoder.keep([1, 2, 5, 6, 9], of: .mlp, layer: 1)
    try check(decoder, "pruned \(kind)", Self.sequences)
  }

  @Test(
    .enabled(if: Reference.folder != nil, Reference.missing),
    arguments: [
      "llama_gqa", "llama_mha", "llama_bias", "mistral_swa16", "qwen2", "qwen3", "mobilellm_like_tied",
    ])
  func alsoOfTheReferenceModels(_ name: String) throws {
    let sequences = try Reference.golden(name).sequences()
    // Sequences of different lengths weigh differently in a mini-batch's mean.
    try check(try Reference.model(name), name, sequences + [Array(sequences[0].prefix(11))])
  }
}
