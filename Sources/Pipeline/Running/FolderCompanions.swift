import Checkpoints
import Files
import Foundation
import RunRecords

/// Copies the files beside the weights of a Hugging Face folder into the folder of a saved model.
///
/// Tokenizers, templates, generation settings and licences are copied. Other files are reported as left behind.
struct FolderCompanions {
  let path: String
  /// The names of the files that a saved model writes itself.
  let replaced: Set<String>

  init(_ folder: HuggingFaceFolder, of checkpoint: Checkpoint) {
    path = folder.path
    let weights = checkpoint.tensorNames.compactMap { try? checkpoint.tensor(named: $0).file }
    replaced = Set(weights.map { ($0 as NSString).lastPathComponent })
      .union(["config.json", "model.safetensors.index.json"])
  }

  /// A larger file holds weights, whatever its name.
  private static let mostBytes = 256 << 20

  /// - Parameter target: the folder of the saved model, which exists.
  /// - Returns: what was not copied.
  /// - Throws: `FileError` if a copy can't be written.
  func copy(to target: String) throws -> [LeftBehind] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    } catch {
      return [LeftBehind("all files beside the weights", because: error.localizedDescription)]
    }
    var left: [LeftBehind] = []
    for name in names where !replaced.contains(name) {
      if Folder.exists(path + "/" + name) {
        left +=
          Self.templateFolders.contains(name) ? try copyTemplates(name, target) : [LeftBehind(name + "/")]
      } else if Self.isCopied(name) {
        try copy(name, target, &left)
      } else {
        left.append(LeftBehind(name, because: Self.reason(for: name)))
      }
    }
    return left
  }

  /// Where transformers looks for more templates, now and in its version 4.50.
  private static let templateFolders = ["additional_chat_templates", "chat_templates"]

  private func copyTemplates(_ folder: String, _ target: String) throws -> [LeftBehind] {
    var left: [LeftBehind] = []
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []
    try FileManager.default.createDirectory(
      atPath: target + "/" + folder, withIntermediateDirectories: true)
    for name in names.sorted() {
      let place = folder + "/" + name
      if Folder.exists(path + "/" + place) {
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

  // MARK: - Which files

  private static let files: Set<String> = [
    // Tokenizers: `VOCAB_FILES_NAMES` of transformers' classes, and its legacy files beside them.
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "tekken.json",
    // Chat templates and generation settings.
    "chat_template.json", "chat_templates.json", "generation_config.json",
    // The settings of a processor around the tokenizer.
    "preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json",
  ]
  private static let endings = [".jinja", ".tiktoken", ".bpe", ".spm", ".vocab"]
  private static let licences = ["LICENSE", "LICENCE", "NOTICE", "COPYING", "COPYRIGHT", "USE_POLICY"]

  private static func isCopied(_ name: String) -> Bool {
    if files.contains(name) || endings.contains(where: name.hasSuffix) { return true }
    if name.hasSuffix(".py") { return false }
    let upper = name.uppercased()
    if licences.contains(where: upper.hasPrefix) { return true }
    // tokenizer.4.0.0.json is for one version of transformers. SentencePiece has tokenizer.model, spiece.model and others.
    return (name.hasPrefix("tokenizer.") && name.hasSuffix(".json")) || name.hasSuffix(".model")
      || name.hasPrefix("tokenizer.model")
  }

  private static func reason(for name: String) -> String? {
    if name.hasSuffix(".py") { return "code is not copied" }
    if name.uppercased().hasPrefix("README") { return "it describes the source" }
    return nil
  }
}
