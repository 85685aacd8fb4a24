import Checkpoints
import Files
import Foundation
import RunRecords
import Tensors
import Transformer

extension LoadedModel {
  /// Writes the model as it is now as a Hugging Face folder: config.json (with lists for what varies by layer),
  /// safetensors, and what the source holds beside its weights: tokenizer, chat templates, settings for generation.
  /// The folder appears whole or not at all. Layers that have nothing left are left out, so that a model that lost whole
  /// layers is one of fewer layers to whoever reads it.
  ///
  /// - Parameters:
  ///   - folder: must not exist.
  ///   - type: of the weights.
  ///   - progress: layers done, of how many.
  /// - Returns: what the source holds and the folder lacks.
  /// - Throws: `CheckpointError`, `FileError`.
  @discardableResult
  public func save(
    to folder: String, type: StorageType, workers: Workers, progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> [LeftBehind] {
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
  @discardableResult
  func save(
    to folder: String, type: StorageType, keepingEmptyLayers: Bool = false,
    shardBytes: Int = ModelWriter.standardShardBytes,
    configure: (inout ModelConfiguration) -> Void = { _ in },
    forEachParameter: ((String, UnsafeBufferPointer<Float>) throws -> Void) throws -> Void
  ) throws -> [LeftBehind] {
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
    do {
      try forEachParameter { name, values in
        try writer.append(values, to: renumbering?.name(of: name) ?? name)
      }
    } catch CheckpointError.valueTooLarge(_, let tensor, let count, let type) {
      // Under the name that the reader knows.
      throw CheckpointError.valueTooLarge(file: folder, tensor: tensor, count: count, type: type)
    }
    // Read from beginning to end by now: was it one model?
    try decoder.checkpoint.requireUnchanged()
    try source.requireUnchanged()
    try writer.finish()
    let left = try saveCompanions(to: partial)
    try AtomicFolder.commit(partial, as: folder)
    return left
  }

  /// Writes what goes along with the weights.
  private func saveCompanions(to folder: String) throws -> [LeftBehind] {
    switch source.format {
    case .huggingFace(let original): try FolderCompanions(original, of: source).copy(to: folder)
    case .gguf(let file):
      try GGUFCompanions(
        file: file, configuration: source.configuration, tokenizer: Result { try tokenizer() }
      ).write(to: folder)
    }
  }
}

extension WeightsOnDisk {
  init(of checkpoint: Checkpoint) {
    self.init(bytes: checkpoint.totalBytes, type: checkpoint.predominantType.rawValue)
  }
}

extension LoadedModel {
  /// The model's files as they were given.
  var sourceWeights: WeightsOnDisk { WeightsOnDisk(of: source) }
}
