import Checkpoints
import Files
import Foundation
import JSON
import RunRecords
import Tokenizers

/// What a GGUF file's metadata say beside the weights, put into the files that transformers reads. What has no place there
/// is named.
struct GGUFCompanions {
  let file: GGUFFile
  /// The source's.
  let configuration: ModelConfiguration
  let tokenizer: Result<Tokenizer, any Error>

  private static let vocabulary = "tokenizer.ggml."
  private static let template = "tokenizer.chat_template"

  /// - Parameter target: the folder of the saved model, which is there.
  /// - Returns: what did not come along.
  /// - Throws: `FileError` where a file can't be written.
  func write(to target: String) throws -> [LeftBehind] {
    var left = try writeTokenizer(to: target)
    left += try writeTemplates(to: target)
    let settings = generationSettings
    if !settings.members.isEmpty {
      try AtomicFile.write(
        JSONValue.object(settings).text(.elementALine) + "\n", to: target + "/generation_config.json")
    }
    return left + file.metadata.keys.filter { !isCarried($0) }.sorted().map { LeftBehind($0) }
  }

  // MARK: - Tokenizer

  private func writeTokenizer(to target: String) throws -> [LeftBehind] {
    do {
      let tokenizer = try tokenizer.get()
      try AtomicFile.write(Array(tokenizer.huggingFaceJSON()), to: target + "/tokenizer.json")
      try AtomicFile.write(Array(tokenizer.huggingFaceConfigJSON()), to: target + "/tokenizer_config.json")
      return []
    } catch let error as FileError {
      throw error
    } catch {
      guard file.metadata.keys.contains(where: { $0.hasPrefix(Self.vocabulary) }) else { return [] }
      return [.tokenizer(because: "\(error)")]
    }
  }

  // MARK: - Chat templates

  /// Of each template its text and where it goes, in the folder as transformers lays it out: the first in
  /// chat_template.jinja, others by their names in additional_chat_templates/; or why it goes nowhere.
  private var templates: [(key: String, text: String, place: Result<String, LeftBehind.Reason>)] {
    file.metadata.compactMap { key, value in
      guard key == Self.template || key.hasPrefix(Self.template + "."), case .string(let text) = value else {
        return nil
      }
      return (key, text, place(of: String(key.dropFirst(Self.template.count + 1))))
    }
  }

  /// - Parameter name: empty of the first.
  private func place(of name: String) -> Result<String, LeftBehind.Reason> {
    if name.isEmpty { return .success("chat_template.jinja") }
    if name == "default" {
      // In additional_chat_templates/ it would take the first one's place.
      return file.metadata[Self.template] == nil
        ? .success("chat_template.jinja") : .failure("there is another default")
    }
    let isFileName =
      name.utf8.count <= 200 && !name.hasPrefix(".")
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    return isFileName
      ? .success("additional_chat_templates/\(name).jinja") : .failure("no file can have its name")
  }

  private func writeTemplates(to target: String) throws -> [LeftBehind] {
    var left: [LeftBehind] = []
    for template in templates {
      switch template.place {
      case .failure(let reason): left.append(LeftBehind(template.key, because: reason.words))
      case .success(let place):
        let path = target + "/" + place
        try FileManager.default.createDirectory(
          atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
        try AtomicFile.write(template.text, to: path)
      }
    }
    return left
  }

  // MARK: - Generation

  /// What `generation_config.json` calls the settings that gguf-py's `Metadata` takes from there.
  private static let sampling = [
    "general.sampling.temp": "temperature", "general.sampling.top_k": "top_k",
    "general.sampling.top_p": "top_p",
    "general.sampling.min_p": "min_p", "general.sampling.penalty_repeat": "repetition_penalty",
  ]

  private var generationSettings: JSONObject {
    var settings = JSONObject()
    settings["bos_token_id"] = configuration.beginningOfText.map { .integer($0) }
    let ends = configuration.endOfText
    settings["eos_token_id"] =
      ends.count > 1 ? .array(ends.map { .integer($0) }) : ends.first.map { .integer($0) }
    if case .integer(let id)? = file.metadata[Self.vocabulary + "padding_token_id"] {
      settings["pad_token_id"] = .integer(id)
    }
    var samples = false
    for (key, name) in Self.sampling.sorted(by: { $0.value < $1.value }) {
      switch file.metadata[key] {
      // A temperature of 0 is llama.cpp's way to say that nothing is drawn; transformers refuses it.
      case .real(let value)? where value.isFinite && value > 0:
        settings[name] = .number(value)
      case .integer(let value)? where value > 0:
        settings[name] = .integer(value)
      default: continue
      }
      samples = samples || name != "repetition_penalty"
    }
    if samples { settings["do_sample"] = .bool(true) }
    return settings
  }

  // MARK: - The rest

  /// Keys of the container, and of what the folder says by other means: its types, shapes and settings in config.json, its
  /// tokens in the tokenizer's files.
  private static let container: Set<String> = [
    "general.architecture", "general.type", "general.alignment", "general.quantization_version",
    "general.file_type",
    "tokenizer.chat_templates",
  ]
  private static let vocabularyKeys: Set<String> = [
    "model", "pre", "tokens", "token_type", "token_type_count", "scores", "merges", "bos_token_id",
    "eos_token_id",
    "unknown_token_id", "padding_token_id", "add_bos_token", "add_eos_token", "add_space_prefix",
  ]

  private func isCarried(_ key: String) -> Bool {
    if Self.container.contains(key) || key.hasPrefix("split.") { return true }
    if let name = Self.sampling[key] {
      if case .real(0)? = file.metadata[key], name == "temperature" { return true }
      return generationSettings[name] != nil
    }
    // Told already: written, or named with a reason.
    if templates.contains(where: { $0.key == key }) { return true }
    if key.hasPrefix(Self.vocabulary) {
      guard case .success = tokenizer else { return true }
      let name = String(key.dropFirst(Self.vocabulary.count))
      if Self.vocabularyKeys.contains(name) { return true }
      // eot and eom, where they are among the ends of a text.
      guard case .integer(let id)? = file.metadata[key] else { return false }
      return ["eot_token_id", "eom_token_id"].contains(name) && configuration.endOfText.contains(id)
    }
    guard case .string(let architecture)? = file.metadata["general.architecture"] else { return false }
    return key.hasPrefix(architecture + ".")
  }
}
