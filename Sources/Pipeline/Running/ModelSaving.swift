import Checkpoints
import Files
import Foundation
import Tensors
import Transformer

extension LoadedModel {
  /// Writes the model as it is now as a Hugging Face folder: config.json (with lists for what varies by layer),
  /// safetensors, tokenizer. The folder appears whole or not at all. Layers that have nothing left are left out, so that
  /// a model that lost whole layers is one of fewer layers to whoever reads it.
  ///
  /// - Parameters:
  ///   - folder: must not exist.
  ///   - type: of the weights.
  ///   - progress: layers done, of how many.
  /// - Throws: `CheckpointError`, `FileError`.
  public func save(
    to folder: String, type: StorageType, workers: Workers, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws {
    try save(to: folder, type: type) {
      try decoder.forEachParameter(workers: workers, progress: progress, body: $0)
    }
  }

  /// The same with values from elsewhere than the decoder: `forEachParameter` hands every parameter, in pieces, to the
  /// closure that it is given.
  ///
  /// - Parameters:
  ///   - keepingEmptyLayers: for the run's own use, whose layers keep their numbers.
  ///   - shardBytes: no file of weights takes more, unless a single tensor does.
  ///   - configure: what is different in the values' configuration, biases for instance.
  func save(
    to folder: String, type: StorageType, keepingEmptyLayers: Bool = false,
    shardBytes: Int = ModelWriter.standardShardBytes,
    configure: (inout ModelConfiguration) -> Void = { _ in },
    forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws {
    let partial =
      (folder as NSString).deletingLastPathComponent + "/.partial-"
      + (folder as NSString).lastPathComponent
    try Folder.remove(partial)
    // Once it has its name, there is nothing.
    defer { try? Folder.remove(partial) }
    var configuration = decoder.prunedConfiguration
    configuration.declaredType = type
    configure(&configuration)
    let renumbering = keepingEmptyLayers ? nil : LayerRenumbering(configuration)
    let writer = try ModelWriter(
      folder: partial, configuration: renumbering?.configuration ?? configuration, shardBytes: shardBytes)
    try forEachParameter { name, values in
      try writer.append(values, to: renumbering?.name(of: name) ?? name)
    }
    // Read from beginning to end by now: was it one model?
    try decoder.checkpoint.requireUnchanged()
    try source.requireUnchanged()
    try writer.finish()
    try saveTokenizer(to: partial)
    try AtomicFolder.commit(partial, as: folder)
  }

  /// Files beside the weights that other software reads a model's text handling from.
  private static let tokenizerFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "tokenizer.model",
    "vocab.json", "merges.txt", "chat_template.jinja", "generation_config.json",
  ]

  private func saveTokenizer(to folder: String) throws {
    switch source.format {
    case .huggingFace(let original):
      for name in Self.tokenizerFiles {
        let file = original.path + "/" + name
        guard FileManager.default.fileExists(atPath: file) else { continue }
        try AtomicFile.write(ReadableFile.bytes(of: file), to: folder + "/" + name)
      }
    case .gguf:
      guard let tokenizer = try? tokenizer() else { return }
      try AtomicFile.write(Array(tokenizer.huggingFaceJSON()), to: folder + "/tokenizer.json")
      try AtomicFile.write(Array(tokenizer.huggingFaceConfigJSON()), to: folder + "/tokenizer_config.json")
    }
  }
}
