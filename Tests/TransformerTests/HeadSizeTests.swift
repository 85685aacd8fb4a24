import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// Layers with heads of 4, 8 and 6: the values are PyTorch's (scripts/make-head-size-fixture.py).
@Suite("Layers may have heads of different sizes")
struct HeadSizeTests {
  private static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().path + "/Fixtures/head-sizes"

  private func decoder() throws -> Decoder { try Decoder(Checkpoint.open(Self.folder)) }
  private func golden() throws -> SafetensorsFile {
    try SafetensorsFile(path: Self.folder + "/golden.safetensors")
  }

  @Test func logitsAreThoseOfPyTorch() throws {
    let decoder = try decoder()
    let logits = try golden().sequences().flatMap { try decoder.logits($0, workers: Workers(count: 2)) }
    #expect(relativeError(logits, try golden().floats("logits")) < 1e-5)
  }

  @Test func lossAndEveryGradientAreThoseOfPyTorch() throws {
    let golden = try golden()
    var checked = 0
    func check(_ name: String, _ found: some Sequence<Float>) throws {
      #expect(relativeError(found, try golden.floats("grad.\(name)")) < 1e-4, "\(name)")
      checked += 1
    }
    for (name, values) in try decoder().endGradients(golden.sequences(), batchSize: 2) {
      try check(name, values)
    }
    let result = try decoder().calibrate(
      CalibrationRequest(sequences: golden.sequences(), batchSize: 2, gradients: .sum),
      workers: Workers(count: 2)
    ) { layer in
      for parameter in try #require(layer.gradients).named {
        let name = "model.layers.\(layer.layer).\(parameter.name)"
        guard name != Decoder.firstNorm else { continue }
        try check(
          name, UnsafeBufferPointer(start: parameter.base, count: parameter.rows * parameter.columns))
      }
    }
    #expect(checked == 33 + 3)
    let loss = try #require(golden.floats("loss").first)
    #expect(abs(Float(result.losses[0]) - loss) < 1e-5 * loss)
  }

  @Test func readingPieceByPieceGivesPyTorchsLogits() throws {
    let decoder = try decoder()
    let tokens = try #require(golden().sequences().first)
    let expected = try golden().floats("logits")[((tokens.count - 1) * decoder.vocabulary)...]
      .prefix(decoder.vocabulary)
    let generator = try Generator(decoder, capacity: tokens.count, workers: Workers(count: 2))
    _ = try generator.read(Array(tokens[..<4]))
    for token in tokens[4..<(tokens.count - 1)] { _ = try generator.read([token]) }
    #expect(relativeError(try generator.read([tokens[tokens.count - 1]]), Array(expected)) < 1e-5)
  }
}
