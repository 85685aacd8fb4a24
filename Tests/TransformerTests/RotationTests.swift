import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// Two models in one pass, a teacher and a student or a model and the one that it was cut from, rotate queries and keys
/// each by its own embedding.
@Suite struct RotationTests {
  private let workers = Workers(count: 2)
  private let tokens: [Int32] = [3, 17, 9, 30, 2, 11, 8, 21, 5]

  private func decoder(
    _ rope: RotaryEmbedding = RotaryEmbedding(theta: 10_000), headDimension: Int = 4
  ) throws -> Decoder {
    var model = SmallModel(.llama, seed: 7, headDimension: headDimension)
    // Large scores, so that rotations matter.
    for name in model.weights.keys where name.contains("q_proj") || name.contains("k_proj") {
      model.weights[name] = model.weights[name]?.map { 4 * $0 }
    }
    model.configuration.ropes = [rope]
    return try Decoder(Checkpoint.open(model.write().path))
  }

  static let teachers: [(rope: RotaryEmbedding, headDimension: Int)] = [
    (RotaryEmbedding(theta: 10_000), 4), (RotaryEmbedding(theta: 50), 4),
    (RotaryEmbedding(theta: 10_000, scaling: .linear(factor: 8)), 4), (RotaryEmbedding(theta: 50), 8),
  ]

  /// T² · KL(teacher ‖ student) = T² · Σ p (log p − log q), of the logits that each has by itself.
  @Test(arguments: teachers.indices)
  func aTeacherIsRotatedByItsOwnEmbedding(_ index: Int) throws {
    let (rope, headDimension) = Self.teachers[index]
    let (teacher, student) = (try decoder(rope, headDimension: headDimension), try decoder())
    let temperature = 2.0
    func logProbabilities(_ decoder: Decoder, _ row: Int) throws -> [Double] {
      let all = try decoder.logits(tokens, workers: workers)[(row * 32)..<((row + 1) * 32)]
      let scaled = all.map { Double($0) / temperature }
      let sum = scaled.reduce(0) { $0 + exp($1) }
      return scaled.map { $0 - log(sum) }
    }
    let expected = try tokens.indices.dropLast().reduce(0.0) { sum, row in
      zip(try logProbabilities(teacher, row), try logProbabilities(student, row)).reduce(sum) {
        $0 + temperature * temperature * exp($1.0) * ($1.0 - $1.1)
      }
    }
    let trainer = try Trainer(
      student, .full, optimizer: AdamWOptions(), maxGradientNorm: nil,
      teacher: (teacher, DistillationOptions(temperature: temperature, weight: 1, hiddenWeight: 0)),
      room: TrainingRoom(tokens: 16, longest: 16, activationLimit: 1 << 20), workers: workers)
    let step = try trainer.gradients([[TrainingSequence(tokens: tokens)]])
    #expect(abs(step.loss.divergence - expected) < 1e-4 * max(1, expected))
    #expect((expected > 0.01) == (index > 0), "the models differ: \(expected)")
  }

  /// What the first attention's output is to be comes from the original, which was rotated otherwise than the model.
  @Test func anOriginalIsRotatedByItsOwnEmbedding() throws {
    let (model, original) = (try decoder(), try decoder(RotaryEmbedding(theta: 50)))
    func target(of whole: Decoder, original: Decoder?) throws -> [Float] {
      let cut = try whole.copy()
      try cut.keep([0, 2], of: .attention, layer: 0)
      var target: [Float] = []
      try whole.compensate(
        cut, original: original,
        CompensationRequest(sequences: [tokens], families: [.attention], followsCut: true, addsBias: false),
        workers: workers,
        solve: { projection in
          if target.isEmpty { target = Array(projection.targetMean.values) }
          return (
            (0..<projection.rows).flatMap { row in
              projection.kept.map { projection.weight.base[row * projection.columns + $0] }
            }, projection.bias
          )
        }, body: { _, _ in })
      return target
    }
    let expected = try target(of: original, original: nil)
    #expect(relativeError(try target(of: model, original: original), expected) < 1e-5)
    #expect(relativeError(try target(of: model, original: nil), expected) > 1e-2)
  }
}
