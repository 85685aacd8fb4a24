import Checkpoints
import Files
import Foundation
import RunRecords
import Tensors
import Transformer

/// A format that models are saved in: a sink, and what goes along with the weights.
public struct ModelFormat: Sendable {
  /// Opens the sink of a model with this configuration. Its files go into a folder that gets its name afterwards; none
  /// takes more than `shardBytes`, unless a single tensor does.
  let open:
    @Sendable (_ folder: String, _ configuration: ModelConfiguration, _ shardBytes: Int) throws ->
      any ModelSink
  /// Writes what else the model's source holds into the same folder, and answers what is left behind.
  let addCompanions: @Sendable (_ model: LoadedModel, _ folder: String) throws -> [LeftBehind]

  public init(
    open: @escaping @Sendable (String, ModelConfiguration, Int) throws -> any ModelSink,
    addCompanions: @escaping @Sendable (LoadedModel, String) throws -> [LeftBehind]
  ) {
    self.open = open
    self.addCompanions = addCompanions
  }

  /// config.json (with lists for what varies by layer), safetensors, tokenizer, chat templates, settings for generation.
  public static let huggingFace = ModelFormat(
    open: { try ModelWriter(folder: $0, configuration: $1, shardBytes: $2) },
    addCompanions: { try $0.saveCompanions(to: $1) })
}

extension LoadedModel {
  /// Writes the model as it is now, with what the source holds beside its weights.
  /// The folder appears whole or not at all. Layers that have nothing left are left out, so that a model that lost whole
  /// layers is one of fewer layers to whoever reads it.
  ///
  /// - Parameters:
  ///   - folder: must not exist.
  ///   - type: of the weights.
  ///   - format: Hugging Face's, if nothing is said.
  ///   - progress: layers done, of how many.
  /// - Returns: what the source holds and the folder lacks.
  /// - Throws: `CheckpointError`, `FileError`.
  @discardableResult
  public func save(
    to folder: String, type: StorageType, as format: ModelFormat = .huggingFace, workers: Workers,
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> [LeftBehind] {
    try save(to: folder, type: type, as: format) {
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
    to folder: String, type: StorageType, as format: ModelFormat = .huggingFace,
    keepingEmptyLayers: Bool = false,
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
    let sink = try format.open(partial, renumbering?.configuration ?? configuration, shardBytes)
    do {
      try forEachParameter { name, values in
        try sink.append(values, to: renumbering?.name(of: name) ?? name)
      }
    } catch CheckpointError.valueTooLarge(_, let tensor, let count, let type) {
      // Under the name that the reader knows.
      throw CheckpointError.valueTooLarge(file: folder, tensor: tensor, count: count, type: type)
    }
    // Read from beginning to end by now: was it one model?
    try decoder.checkpoint.requireUnchanged()
    try source.requireUnchanged()
    try sink.finish()
    let left = try format.addCompanions(self, partial)
    try AtomicFolder.commit(partial, as: folder)
    return left
  }

  /// Writes what goes along with the weights.
  fileprivate func saveCompanions(to folder: String) throws -> [LeftBehind] {
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
