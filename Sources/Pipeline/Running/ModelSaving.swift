import Checkpoints
import Files
import Foundation
import RunRecords
import Tensors
import Transformer

/// A format for saved models: a sink for the weights, and a writer of the files beside them.
public struct ModelFormat: Sendable {
  /// Opens a sink that writes into the folder. A file larger than `shardBytes` holds a single tensor.
  let open:
    @Sendable (_ folder: String, _ configuration: ModelConfiguration, _ shardBytes: Int) throws ->
      any ModelSink
  /// Writes the source's other files into the folder. Returns what is left behind.
  let addCompanions: @Sendable (_ model: LoadedModel, _ folder: String) throws -> [LeftBehind]

  public init(
    open: @escaping @Sendable (String, ModelConfiguration, Int) throws -> any ModelSink,
    addCompanions: @escaping @Sendable (LoadedModel, String) throws -> [LeftBehind]
  ) {
    self.open = open
    self.addCompanions = addCompanions
  }

  /// config.json (with lists of the sizes that vary by layer), safetensors, tokenizer, templates, generation settings.
  public static let huggingFace = ModelFormat(
    open: { try ModelWriter(folder: $0, configuration: $1, shardBytes: $2) },
    addCompanions: { try $0.saveCompanions(to: $1) })
}

extension LoadedModel {
  /// Writes the current model and the source's other files. The folder appears whole or not at all.
  ///
  /// Empty layers are left out, so that a model without them is an ordinary one of fewer layers.
  /// - Parameters:
  ///   - folder: must not exist.
  ///   - type: the element type of the weights.
  ///   - progress: receives the finished layers and the number of layers.
  /// - Returns: what the source has and the folder lacks.
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

  /// Writes the model with the values that `forEachParameter` passes to its closure, in pieces.
  /// - Parameters:
  ///   - keepingEmptyLayers: keeps the layers' numbers, for the run's own checkpoints.
  ///   - shardBytes: the most bytes of a weights file with several tensors.
  ///   - configure: changes the configuration to fit the values, for instance new biases.
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
      // Name the folder that the user knows.
      throw CheckpointError.valueTooLarge(file: folder, tensor: tensor, count: count, type: type)
    }
    // The source has been read to its end. It must not have changed meanwhile.
    try decoder.checkpoint.requireUnchanged()
    try source.requireUnchanged()
    try sink.finish()
    let left = try format.addCompanions(self, partial)
    try AtomicFolder.commit(partial, as: folder)
    return left
  }

  /// The size and type of the original weights.
  var sourceWeights: WeightsOnDisk { WeightsOnDisk(of: source) }

  /// Writes the files beside the weights.
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
