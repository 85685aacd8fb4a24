import Checkpoints
import Foundation
import Tensors
import Testing
import Transformer

/// The reference values of the published code, which CI has and a user has not.
enum Reference {
  static let folder: URL? = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let given = ProcessInfo.processInfo.environment["ADAPT_PRUNER_REFERENCE"].map { URL(fileURLWithPath: $0) }
    let folder = given ?? package.deletingLastPathComponent().appendingPathComponent("shared/reference")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }()

  static let missing: Comment = "the reference values are not on this machine"

  static let models = [
    "llama_gqa", "llama_gqa_bf16", "llama_gqa_f16", "llama_gqa_sharded", "llama_mha", "llama_bias",
    "llama_rope_linear", "llama_rope_llama3", "mistral", "mistral_swa16", "mobilellm_like_tied", "qwen2",
    "qwen3",
  ]
  /// Made by transformers 5.23 alone, some of them in a folder of their own.
  static let newer = [
    "gemma2", "gemma3_text", "phi3", "phi3_longrope", "olmo2", "smollm3", "granite",
  ]

  static func path(_ name: String) throws -> String {
    let folder = try #require(folder)
    let paths = ["tiny", "tiny-more"].map { folder.appendingPathComponent("\($0)/\(name)").path }
    return try #require(paths.first(where: FileManager.default.fileExists), "\(name) is not there")
  }

  static func model(_ name: String) throws -> Decoder {
    try Decoder(Checkpoint.open(path(name)))
  }

  static func golden(_ name: String) throws -> SafetensorsFile {
    try SafetensorsFile(path: path(name) + "/golden.safetensors")
  }
}

extension SafetensorsFile {
  func floats(_ name: String) throws -> [Float] {
    let tensor = try #require(tensors[name], "\(name) is not in the golden file")
    return try tensor.floats()
  }

  /// The golden's two sequences of token ids.
  func sequences() throws -> [[Int32]] {
    let tensor = try #require(tensors["input_ids"])
    let ids = try tensor.integers().map { Int32($0) }
    return stride(from: 0, to: ids.count, by: tensor.shape[1]).map { Array(ids[$0..<$0 + tensor.shape[1]]) }
  }
}

extension Decoder {
  static let firstNorm = "model.layers.0.input_layernorm.weight"

  /// The gradients that calibration does not make, as training makes them: those of the embedding, the first norm, the final
  /// norm and the head. Each is the sum over mini-batches of the gradient of the mini-batch's mean cross-entropy.
  func endGradients(_ sequences: [[Int32]], batchSize: Int) throws -> [String: [Float]] {
    let trainer = try Trainer(
      self, .full, optimizer: AdamWOptions(), maxGradientNorm: nil,
      room: TrainingRoom(
        tokens: sequences.reduce(0) { $0 + $1.count }, longest: sequences.map(\.count).max() ?? 0,
        activationLimit: 1 << 20), workers: Workers(count: 2))
    var sums: [String: [Float]] = [:]
    for start in stride(from: 0, to: sequences.count, by: batchSize) {
      let batch = sequences[start..<min(sequences.count, start + batchSize)]
      _ = try trainer.gradients([batch.map { TrainingSequence(tokens: $0) }])
      for (name, values) in trainer.namedGradients where name == Self.firstNorm || !name.contains(".layers.")
      {
        sums[name] = sums[name].map { zip($0, values).map { $0 + $1 } } ?? values
      }
    }
    return sums
  }
}

/// The largest difference, relative to the expected tensor's largest value.
func relativeError(_ found: some Sequence<Float>, _ expected: [Float]) -> Float {
  let largest = expected.map(abs).max() ?? 0
  let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
  return difference.isNaN ? .infinity : difference / max(largest, .leastNormalMagnitude)
}
