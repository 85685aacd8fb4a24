import Checkpoints
import Foundation
import OrderedCollections
import RandomNumbers
import Transformer

/// A random model of a few thousand parameters in memory, which a test may change before it is written.
struct SmallModel {
  enum Kind: String, CaseIterable, Sendable { case llama, biased, slidingMistral, qwen3, untied }

  var configuration: ModelConfiguration
  var weights: [String: [Float]] = [:]

  init(
    _ kind: Kind, seed: UInt64, vocabulary: Int = 32, hidden: Int = 8, intermediate: Int = 10,
    layers: Int = 2,
    headDimension: Int = 4
  ) {
    let shape = LayerShape(
      queryHeads: 6, keyValueHeads: 3, headDimension: headDimension, intermediateSize: intermediate,
      slidingWindow: kind == .slidingMistral ? 3 : nil)
    configuration = ModelConfiguration(
      architecture: kind == .qwen3 ? .qwen3 : kind == .slidingMistral ? .mistral : .llama,
      vocabularySize: vocabulary,
      hiddenSize: hidden, layers: [LayerShape](repeating: shape, count: layers), rmsNormEpsilon: 1e-5,
      rope: RotaryEmbedding(theta: 10000),
      tiedEmbeddings: kind != .untied,
      biases: kind == .biased
        ? Biases(queryKeyValue: true, attentionOutput: true, gateUp: true, down: true) : Biases(),
      design: DecoderDesign(queryKeyNorm: kind == .qwen3 ? .perHead : .none), maxPositions: 64)
    var generator = SplitMix64(state: seed)
    for (name, shape) in configuration.parameters {
      let isNorm = name.contains("norm")
      weights[name] = (0..<shape.reduce(1, *)).map { _ in
        (isNorm ? 1 : 0) + Float.random(in: -0.4...0.4, using: &generator)
      }
    }
  }

  /// Writes it as a Hugging Face folder of its own in the temporary directory.
  func write() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("small-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let writer = try ModelWriter(folder: folder.path, configuration: configuration)
    for (name, values) in weights { try writer.append(values, to: name) }
    try writer.finish()
    return folder
  }
}
