import Checkpoints
import Files
import Foundation
import RunRecords

/// What a Hugging Face folder holds beside its weights and its config.json. Tokenizers, templates
/// and settings for generating come along when the model is saved. So does the licence, which binds whoever passes the
/// weights on. The rest is named.
struct FolderCompanions {
  let path: String
  /// The files, by their names, that a saved model has of its own.
  let replaced: Set<String>

  init(_ folder: HuggingFaceFolder, of checkpoint: Checkpoint) {
    path = folder.path
    let weights = checkpoint.tensorNames.compactMap { try? checkpoint.tensor(named: $0).file }
    replaced = Set(weights.map { ($0 as NSString).lastPathComponent })
      .union(["config.json", "model.safetensors.index.json"])
  }

  /// Larger files are weights, whatever their names.
  private static let mostBytes = 256 << 20

  /// - Parameter target: the folder of the saved model, which is there.
  /// - Returns: what did not come along.
  /// - Throws: `FileError` where a copy can't be written.
  func copy(to target: String) throws -> [LeftBehind] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      return [LeftBehind("all files beside the weights", because: error.localizedDescription)]
    }
    var left: [LeftBehind] = []
    for name in names where !replaced.contains(name) {
      if Self.isFolder(path + "/" + name) {
        left +=
          Self.templateFolders.contains(name) ? try copyTemplates(name, target) : [LeftBehind(name + "/")]
      } else if Self.comesAlong(name) {
        try copy(name, target, &left)
      } else {
        left.append(LeftBehind(name, because: Self.reason(for: name)))
      }
    }
    return left
  }

  /// Where transformers looks for templates beside the first one, and where it did in its version 4.50.
  private static let templateFolders = ["additional_chat_templates", "chat_templates"]

  private func copyTemplates(_ folder: String, _ target: String) throws -> [LeftBehind] {
    var left: [LeftBehind] = []
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []
    try FileManager.default.createDirectory(
      atPath: target + "/" + folder, withIntermediateDirectories: true)
    for name in names.sorted() {
      let place = folder + "/" + name
      if Self.isFolder(path + "/" + place) {
        left.append(LeftBehind(place + "/"))
      } else if name.hasSuffix(".jinja") {
        try copy(place, target, &left)
      } else {
        left.append(LeftBehind(place))
      }
    }
    return left
  }

  private func copy(_ name: String, _ target: String, _ left: inout [LeftBehind]) throws {
    let refusal = try AtomicFile.copy(
      from: path + "/" + name, to: target + "/" + name, atMost: Self.mostBytes)
    if let refusal { left.append(LeftBehind(name, because: "\(refusal)")) }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  // MARK: - Which files

  private static let files: Set<String> = [
    // Tokenizers: `VOCAB_FILES_NAMES` of transformers' classes, and its legacy files beside them.
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "tekken.json",
    // How chats are laid out, and how texts are gone on with.
    "chat_template.json", "chat_templates.json", "generation_config.json",
    // What a processor around the tokenizer reads.
    "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json",
  ]
  private static let endings = [".jinja", ".tiktoken", ".bpe", ".spm", ".vocab"]
  private static let licences = ["LICENSE", "LICENCE", "NOTICE", "COPYING", "COPYRIGHT", "USE_POLICY"]

  private static func comesAlong(_ name: String) -> Bool {
    if files.contains(name) || endings.contains(where: name.hasSuffix) { return true }
    if name.hasSuffix(".py") { return false }
    let upper = name.uppercased()
    if licences.contains(where: upper.hasPrefix) { return true }
    // tokenizer.4.0.0.json, for one version of transformers; tokenizer.model, spiece.model and the like of SentencePiece.
    return (name.hasPrefix("tokenizer.") && name.hasSuffix(".json")) || name.hasSuffix(".model")
      || name.hasPrefix("tokenizer.model")
  }

  private static func reason(for name: String) -> String? {
    if name.hasSuffix(".py") { return "code is not copied" }
    if name.uppercased().hasPrefix("README") { return "it describes the source" }
    return nil
  }
}
