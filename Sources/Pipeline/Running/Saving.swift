import Checkpoints
import Files
import Foundation
import Transformer

/// What a save stage does.
extension RunSession {
  func execute(_ stage: SaveStage, in context: StageContext) throws {
    let label = context.label
    let path = try folder.place(stage.directory)
    // What an earlier process wrote without recording it.
    if isResumed { try Folder.remove(path) }
    let left = try write(stage, to: path, in: context)
    // What was written is read as it will be.
    let saved = RunState.Saved(
      directory: stage.directory, parameters: model.decoder.parameters,
      bytes: try FileHash.sizeOfFolder(path), weights: StoredWeights(of: try Checkpoint.open(path)),
      leftBehind: left)
    try events.log("saved", saved.event(stage: label, path: path))
    tell(left, label: label)
    atStageEnd { $0.savedModels.append(saved) }
  }

  private func tell(_ left: [LeftBehind], label: String) {
    for tokenizer in left where tokenizer.isTokenizer {
      context.reporter.warn("\(label): the saved model has no tokenizer: \(tokenizer.reason ?? "")")
    }
    let rest = left.filter { !$0.isTokenizer }
    if !rest.isEmpty {
      context.reporter.note("\(label): left behind of the source: \(LeftBehind.words(rest))")
    }
  }

  /// Writes the model in the type that the stage asks for. A model whose source is in float16 may have got values beyond
  /// that type's range: where nobody has asked for float16, that is no reason to lose it.
  private func write(_ stage: SaveStage, to path: String, in context: StageContext) throws -> [LeftBehind] {
    func write(as type: StorageType) throws -> [LeftBehind] {
      try context.followingLayers("\(context.label): writing") { advance in
        try model.save(to: path, type: type, workers: context.workers) { done, _ in try advance(done) }
      }
    }
    // Types are called in a manifest as they are in the program; "auto" is none.
    if let type = StorageType(rawValue: stage.type.rawValue) { return try write(as: type) }
    do {
      return try write(as: model.sourceWeights.type.writtenAs)
    } catch CheckpointError.valueTooLarge(_, let tensor, let count, .float16) {
      context.reporter.warn(
        "\(context.label): \(count) values of \(tensor) are too large for float16, the source's type; "
          + "the model is saved in bfloat16")
      return try write(as: .bfloat16)
    }
  }
}
