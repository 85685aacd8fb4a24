import Checkpoints
import Files
import Foundation
import Transformer

/// What a save stage does.
extension Runner {
  func save(_ stage: SaveStage, label: String) throws -> StateChange {
    let path = try folder.place(stage.directory)
    // What an earlier process wrote without recording it.
    if isResumed { try Folder.remove(path) }
    let left = try write(stage, to: path, label: label)
    // What was written is read as it will be.
    let saved = RunState.Saved(
      directory: stage.directory, parameters: model.decoder.parameters,
      bytes: try FileHash.sizeOfFolder(path), weights: StoredWeights(of: try Checkpoint.open(path)),
      leftBehind: left)
    try events.log("saved", saved.event(stage: label, path: path))
    tell(left, label: label)
    return { $0.savedModels.append(saved) }
  }

  private func tell(_ left: [LeftBehind], label: String) {
    for tokenizer in left where tokenizer.isTokenizer {
      settings.reporter.warn("\(label): the saved model has no tokenizer: \(tokenizer.reason ?? "")")
    }
    let rest = left.filter { !$0.isTokenizer }
    if !rest.isEmpty {
      settings.reporter.note("\(label): left behind of the source: \(LeftBehind.words(rest))")
    }
  }

  /// Writes the model in the type that the stage asks for. A model whose source is in float16 may have got values beyond
  /// that type's range: where nobody has asked for float16, that is no reason to lose it.
  private func write(_ stage: SaveStage, to path: String, label: String) throws -> [LeftBehind] {
    switch stage.type {
    case .float32: return try write(as: .float32, to: path, label: label)
    case .float16: return try write(as: .float16, to: path, label: label)
    case .bfloat16: return try write(as: .bfloat16, to: path, label: label)
    case .auto:
      do {
        return try write(as: model.sourceWeights.type.writtenAs, to: path, label: label)
      } catch CheckpointError.valueTooLarge(_, let tensor, let count, .float16) {
        settings.reporter.warn(
          "\(label): \(count) values of \(tensor) are too large for float16, the source's type; "
            + "the model is saved in bfloat16")
        return try write(as: .bfloat16, to: path, label: label)
      }
    }
  }

  private func write(as type: StorageType, to path: String, label: String) throws -> [LeftBehind] {
    let task = ProgressTask(title: "\(label): writing", total: model.decoder.layerCount, unit: "layers")
    return try settings.reporter.following(task, settings.cancellation) { advance in
      try model.save(to: path, type: type, workers: settings.workers) { done, _ in try advance(done) }
    }
  }
}
