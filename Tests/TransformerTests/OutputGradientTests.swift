import Checkpoints
import Foundation
import JSON
import Tensors
import Testing
import Transformer

/// Gram matrices of the gradients at output projections, against PyTorch's autograd
/// (scripts/make-statistics-fixtures.py).
@Suite struct OutputGradientTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures")

  private func sequences() throws -> [[Int32]] {
    let data = try Data(contentsOf: Self.fixtures.appendingPathComponent("statistics/ids.json"))
    return try #require(try JSONValue(parsing: Array(data)).arrayValue).map {
      try #require($0.arrayValue).compactMap(\.integerValue).map(Int32.init)
    }
  }

  private func golden(_ model: String, _ layer: Int, _ module: String, _ name: String) throws -> [Float] {
    try SafetensorsFile(path: Self.fixtures.appendingPathComponent("statistics/\(model).safetensors").path)
      .floats("\(layer).\(module).\(name)")
  }

  private func decoder(_ model: String) throws -> Decoder {
    try Decoder(Checkpoint.open(Self.fixtures.appendingPathComponent("training/\(model)").path))
  }

  private func request(
    _ labels: Set<Labels>, gradients: CalibrationRequest.Gradients = .none, batchSize: Int = 3
  ) throws -> CalibrationRequest {
    var request = CalibrationRequest(
      sequences: try sequences(), batchSize: batchSize, gradients: gradients)
    request.outputGradients = labels
    return request
  }

  struct Pass {
    let gradients: CalibrationRequest.Gradients
    let batchSize: Int
    let labels: Set<Labels>
    /// Whether what enters the layers stays in memory; else it goes to a file.
    var inMemory = true
  }

  /// Mini-batches, other gradients and other labels in the same pass make no difference.
  @Test(
    arguments: ["llama", "qwen3"],
    [
      Pass(gradients: .none, batchSize: 3, labels: [.data]),
      Pass(gradients: .sum, batchSize: 1, labels: [.data, .model]),
      Pass(gradients: .sumAndSquares, batchSize: 4, labels: [.data]),
      Pass(gradients: .sum, batchSize: 1, labels: [.data, .model], inMemory: false),
    ])
  func gramMatricesWithTheDataAreAutograds(_ model: String, _ pass: Pass) throws {
    var request = try request(pass.labels, gradients: pass.gradients, batchSize: pass.batchSize)
    if !pass.inMemory {
      request.streamLimit = 0
      request.scratchFolder = FileManager.default.temporaryDirectory.path
    }
    var layers: Set<Int> = []
    _ = try decoder(model).calibrate(request, workers: Workers(count: 2)) { layer in
      layers.insert(layer.layer)
      #expect(Set(layer.outputGradients.keys) == pass.labels)
      #expect((layer.gradients == nil) == (pass.gradients == .none))
      let found = try #require(layer.outputGradients[.data])
      for (module, gram) in [("self_attn.o_proj", found.attention), ("mlp.down_proj", found.mlp)] {
        let expected = try golden(model, layer.layer, module, "gradient_gram")
        #expect(relativeError(gram.values, expected) < 1e-4, "\(module), layer \(layer.layer)")
      }
    }
    #expect(layers.count == (model == "llama" ? 3 : 2))
  }

  @Test func aFileThatCannotBeMadeIsASentence() throws {
    var request = try request([.data])
    request.streamLimit = 0
    request.scratchFolder = "/no/such/folder"
    let error = #expect(throws: ScratchMemory.Failure.self) {
      try decoder("llama").calibrate(request, workers: Workers(count: 1)) { _ in }
    }
    #expect(
      error?.description.contains(
        "can't be made in /no/such/folder: No such file or directory; make room there") == true)
  }

  /// The mean over many draws nears the exact expectation as one over the root of their number: 400 draws of
  /// matrices that single draws miss by some 40% are off by some 2%.
  @Test func labelsDrawnFromTheModelAverageToTheTrueFisher() throws {
    let decoder = try decoder("llama")
    let draws = 400
    var sums: [String: [Double]] = [:]
    for draw in 0..<draws {
      var request = try request([.model])
      request.seed = UInt64(draw)
      _ = try decoder.calibrate(request, workers: Workers(count: 2)) { layer in
        let found = try #require(layer.outputGradients[.model])
        for (module, gram) in [("self_attn.o_proj", found.attention), ("mlp.down_proj", found.mlp)] {
          let key = "\(layer.layer).\(module)"
          let old = sums[key] ?? [Double](repeating: 0, count: gram.count)
          sums[key] = zip(old, gram.values).map { $0 + Double($1) / Double(draws) }
        }
      }
    }
    #expect(sums.count == 6)
    for (key, mean) in sums {
      let parts = key.split(separator: ".", maxSplits: 1).map(String.init)
      let expected = try golden("llama", #require(Int(parts[0])), parts[1], "fisher")
      let error = zip(mean, expected).reduce(0) { $0 + ($1.0 - Double($1.1)) * ($1.0 - Double($1.1)) }
      let norm = expected.reduce(0) { $0 + Double($1) * Double($1) }
      #expect((error / norm).squareRoot() < 0.05, "\(key)")
      // The trace, a sum of squares, is nearer still.
      let side = Int(Double(mean.count).squareRoot())
      let traces = (0..<side).reduce(into: (0.0, 0.0)) {
        $0.0 += mean[$1 * (side + 1)]
        $0.1 += Double(expected[$1 * (side + 1)])
      }
      #expect(abs(traces.0 / traces.1 - 1) < 0.03, "\(key)")
    }
  }

  @Test func drawnLabelsFollowFromTheSeedAlone() throws {
    let decoder = try decoder("qwen3")
    func grams(seed: UInt64, _ gradients: CalibrationRequest.Gradients, threads: Int) throws -> [[Float]] {
      var request = try request([.model], gradients: gradients)
      request.seed = seed
      var found: [[Float]] = []
      _ = try decoder.calibrate(request, workers: Workers(count: threads)) { layer in
        found += try #require(
          layer.outputGradients[.model].map { [Array($0.attention.values), Array($0.mlp.values)] })
      }
      return found
    }
    let first = try grams(seed: 5, .none, threads: 2)
    #expect(try grams(seed: 5, .none, threads: 2) == first)
    // Another pass beside it, which needs the stream for itself, draws the same.
    #expect(try grams(seed: 5, .sum, threads: 2) == first)
    #expect(try grams(seed: 6, .none, threads: 2) != first)
  }
}
