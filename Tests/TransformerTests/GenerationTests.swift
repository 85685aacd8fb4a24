import Foundation
import Tensors
import Testing
import Transformer

@Suite(.enabled(if: Reference.folder != nil, Reference.missing))
struct GenerationTests {
  /// The cache must not change what is computed: logits after the last token are those PyTorch has for the whole text.
  @Test(arguments: ["llama_gqa", "mistral_swa16", "qwen3", "mobilellm_like_tied"] + Reference.newer)
  func readingPieceByPieceGivesPyTorchsLogits(_ name: String) throws {
    let decoder = try Reference.model(name)
    let golden = try Reference.golden(name)
    let tokens = try #require(golden.sequences().first)
    let expected = try Array(
      golden.floats("logits")[((tokens.count - 1) * decoder.vocabulary)...]
        .prefix(decoder.vocabulary))
    let generator = try Generator(decoder, capacity: tokens.count, workers: Workers(count: 2))
    _ = try generator.read(Array(tokens[..<20]))
    for token in tokens[20..<47] { _ = try generator.read([token]) }
    let error = relativeError(try generator.read([tokens[47]]), expected)
    #expect(error < 2e-4, "\(name): \(error)")
    #expect(throws: GenerationError.full(capacity: 48, read: 48, more: 1)) { try generator.read([1]) }
  }

  @Test func greedyTakesTheLargestAndTemperatureDrawsBySeed() {
    let logits: [Float] = [0, 2, 1, -3]
    var greedy = Sampler(temperature: 0, seed: 1)
    #expect(greedy.next(logits) == 1)
    func draw(_ seed: UInt64) -> [Int32] {
      var sampler = Sampler(temperature: 1, seed: seed)
      return (0..<2000).map { _ in sampler.next(logits) }
    }
    #expect(draw(7) == draw(7))
    #expect(draw(7) != draw(8))
    // softmax(0, 2, 1, −3) = 0.0893, 0.6600, 0.2428, 0.0044… within three standard errors.
    let share = Double(draw(3).filter { $0 == 1 }.count) / 2000
    #expect(abs(share - 0.6623) < 0.032)
  }
}
