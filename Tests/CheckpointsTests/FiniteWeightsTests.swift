import Checkpoints
import Foundation
import Tensors
import Testing

/// A weight that is no number is named by file, tensor and place, whatever the file's type.
@Suite struct FiniteWeightsTests {
  private static let configuration = ModelConfiguration(
    architecture: .llama, vocabularySize: 70, hiddenSize: 64,
    layers: [
      LayerShape(
        queryHeads: 2, keyValueHeads: 1, headDimension: 32, intermediateSize: 1500, slidingWindow: nil)
    ], rmsNormEpsilon: 1e-5, rope: RotaryEmbedding(theta: 10000), tiedEmbeddings: false, maxPositions: 64)

  /// - Parameter wrong: a tensor, the index of one of its elements, and what stands there.
  private func sentence(
    _ type: StorageType, wrong: (name: String, index: Int, value: Float)? = nil
  ) throws -> String {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("finite-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    var configuration = Self.configuration
    configuration.declaredType = type
    let writer = try ModelWriter(folder: folder.path, configuration: configuration)
    for (name, shape) in configuration.parameters {
      var values = [Float](repeating: 0.25, count: shape.reduce(1, *))
      if let wrong, wrong.name == name { values[wrong.index] = wrong.value }
      try writer.append(values, to: name)
    }
    try writer.finish()
    do {
      try Checkpoint.open(folder.path).requireFiniteWeights(workers: Workers(count: 2))
    } catch {
      #expect("\(error)".contains(folder.path + "/model.safetensors: the model's own weights are not finite"))
      return "\(error)"
    }
    return ""
  }

  @Test(arguments: [StorageType.float32, .float16, .bfloat16])
  func anyTensorsFirstFaultIsNamed(_ type: StorageType) throws {
    #expect(try sentence(type) == "")
    let cases: [(String, Int, Float, String)] = [
      ("model.embed_tokens.weight", 69 * 64 + 63, .nan, "[69, 63]"),
      ("model.layers.0.input_layernorm.weight", 7, .infinity, "[7]"),
      // Beyond the first piece that is looked at.
      ("model.layers.0.mlp.up_proj.weight", 1499 * 64 + 1, -Float.infinity, "[1499, 1]"),
      ("model.layers.0.mlp.down_proj.weight", 1500 * 63, .nan, "[63, 0]"),
      ("model.norm.weight", 0, .nan, "[0]"), ("lm_head.weight", 64, .infinity, "[1, 0]"),
    ]
    for (name, index, value, place) in cases {
      let words = try sentence(type, wrong: (name, index, value))
      #expect(words.contains("tensor \(name) has \(value) at \(place)."), "\(words)")
    }
  }

  /// The largest finite numbers, and those next to zero, are numbers.
  @Test func extremeNumbersAreNumbers() throws {
    for value in [Float.greatestFiniteMagnitude, -Float.leastNonzeroMagnitude, -0.0] {
      #expect(try sentence(.float32, wrong: ("lm_head.weight", 3, value)) == "")
    }
  }

  /// A scale that is no number makes its whole block none.
  @Test func aQuantisedBlockIsLookedAtAfterDequantisation() throws {
    let scratch = try Scratch()
    let original = try Data(contentsOf: URL(filePath: fixture("blocks.gguf")))
    let tensors = try GGUFFile(path: fixture("blocks.gguf")).tensors.values.filter {
      $0.type.isDequantizable && $0.type.blockSize > 1
    }
    #expect(tensors.count >= 5)
    for tensor in tensors {
      try tensor.requireFinite(workers: Workers(count: 1))
      let place = try #require(tensor.withBytes { original.range(of: Data($0)) })
      var damaged = Array(original)
      for byte in place.prefix(tensor.type.bytesPerBlock) { damaged[byte] = 0xff }
      let file = try GGUFFile(path: scratch.write(damaged, to: "\(tensor.type).gguf"))
      let words = scratch.complaint { () throws(CheckpointError) in
        try file.tensors[tensor.name]?.requireFinite(workers: Workers(count: 1))
      }
      #expect(words.contains("tensor \(tensor.name) has ") && words.contains("nan at [0"), "\(words)")
    }
  }
}
