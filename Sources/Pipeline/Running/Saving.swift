import Checkpoints
import Files
import RunRecords
import Transformer

/// The save stage: it writes the model, and reports what the saved folder lacks.
extension RunSession {
  func execute(_ stage: SaveStage, in context: StageContext) throws {
    let label = context.label
    let path = try folder.place(stage.directory)
    // An earlier process may have written it without a record.
    if isResumed { try Folder.remove(path) }
    let left = try write(stage, to: path, in: context)
    // The saved model is opened as its users will open it.
    let saved = try SavedModelRecord {
      $0.directory = stage.directory
      $0.parameters = model.decoder.parameters
      $0.bytes = try FileHash.sizeOfFolder(path)
      $0.weights = WeightsOnDisk(of: try Checkpoint.open(path))
      $0.leftBehind = left
    }
    try events.log(.saved) {
      $0.stage = label
      $0.path = path
      $0.saved = saved
    }
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

  /// Writes the model in the type that the stage asks for. `auto` takes bfloat16 if values are too large for a float16
  /// source's type.
  private func write(_ stage: SaveStage, to path: String, in context: StageContext) throws -> [LeftBehind] {
    func write(as type: StorageType) throws -> [LeftBehind] {
      try context.followingLayers("\(context.label): writing") { advance in
        try model.save(to: path, type: type, workers: context.workers) { done, _ in try advance(done) }
      }
    }
    // Manifests and the program share the names of types. "auto" is not one.
    if let type = StorageType(rawValue: stage.type.rawValue) { return try write(as: type) }
    do {
      return try write(as: model.source.predominantType.writtenAs)
    } catch CheckpointError.valueTooLarge(_, let tensor, let count, .float16) {
      context.reporter.warn(
        "\(context.label): \(count) values of \(tensor) are too large for float16, the source's type; "
          + "the model is saved in bfloat16")
      return try write(as: .bfloat16)
    }
  }
}

extension LeftBehind {
  /// A missing tokenizer. Without one the folder can't read text.
  static func tokenizer(because reason: String) -> LeftBehind { LeftBehind(tokenizerName, because: reason) }
  var isTokenizer: Bool { name == Self.tokenizerName }
  private static let tokenizerName = "the tokenizer"

  /// Names up to twelve things: `README.md (it describes the source), original/`.
  public static func words(_ all: [LeftBehind]) -> String {
    let told = all.prefix(12).map(\.words)
    let rest = all.count - told.count
    return told.joined(separator: ", ") + (rest > 0 ? " and \(rest) more, which events.jsonl names" : "")
  }
}
