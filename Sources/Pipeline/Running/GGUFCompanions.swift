import Checkpoints
import Files
import JSON
import RunRecords
import Tokenizers

/// Writes a GGUF file's metadata into the files that transformers reads. Reports metadata that have no place there.
struct GGUFCompanions {
  let file: GGUFFile
  /// The configuration of the source.
  let configuration: ModelConfiguration
  let tokenizer: Result<Tokenizer, any Error>

  private static let vocabulary = "tokenizer.ggml."
  private static let template = "tokenizer.chat_template"

  /// - Parameter target: the folder of the saved model, which exists.
  /// - Returns: what was not written.
  /// - Throws: `FileError` if a file can't be written.
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

  /// The keys and texts of the templates.
  private var templates: [(key: String, text: String)] {
    file.metadata.compactMap { key, value in
      let isTemplate = key == Self.template || key.hasPrefix(Self.template + ".")
      if isTemplate, case .string(let text) = value { return (key, text) }
      return nil
    }
  }

  /// Writes the templates in transformers' layout: the default one to chat_template.jinja, a named one to
  /// additional_chat_templates/.
  private func writeTemplates(to target: String) throws -> [LeftBehind] {
    var left: [LeftBehind] = []
    for (key, text) in templates {
      let name = key.dropFirst(Self.template.count + 1)
      var place = "chat_template.jinja"
      if name == "default", file.metadata[Self.template] != nil {
        // In additional_chat_templates/ this name would replace chat_template.jinja.
        left.append(LeftBehind(key, because: "there is another default"))
        continue
      } else if !name.isEmpty, name != "default" {
        guard
          name.utf8.count <= 200 && !name.hasPrefix(".")
            && name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) })
        else {
          left.append(LeftBehind(key, because: "no file can have its name"))
          continue
        }
        place = "additional_chat_templates/\(name).jinja"
        try Folder.make(target + "/additional_chat_templates")
      }
      try AtomicFile.write(text, to: target + "/" + place)
    }
    return left
  }

  // MARK: - Generation

  /// The names in generation_config.json of the settings that gguf-py's `Metadata` copies from it.
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
      // In llama.cpp a temperature of 0 turns sampling off. transformers refuses it.
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

  /// Keys about the container itself.
  private static let container: Set<String> = [
    "general.architecture", "general.type", "general.alignment", "general.quantization_version",
    "general.file_type",
    "tokenizer.chat_templates",
  ]
  /// Keys whose facts are in the tokenizer's files.
  private static let vocabularyKeys: Set<String> = [
    "model", "pre", "tokens", "token_type", "token_type_count", "scores", "merges", "bos_token_id",
    "eos_token_id",
    "unknown_token_id", "padding_token_id", "add_bos_token", "add_eos_token", "add_space_prefix",
  ]

  /// Whether the saved folder has the fact, or a report already names it.
  private func isCarried(_ key: String) -> Bool {
    if Self.container.contains(key) || key.hasPrefix("split.") { return true }
    if let name = Self.sampling[key] {
      if case .real(0)? = file.metadata[key], name == "temperature" { return true }
      return generationSettings[name] != nil
    }
    // Already written or reported.
    if templates.contains(where: { $0.key == key }) { return true }
    if key.hasPrefix(Self.vocabulary) {
      guard case .success = tokenizer else { return true }
      let name = String(key.dropFirst(Self.vocabulary.count))
      if Self.vocabularyKeys.contains(name) { return true }
      // eot and eom are carried if they are among the ends of a text.
      guard case .integer(let id)? = file.metadata[key] else { return false }
      return ["eot_token_id", "eom_token_id"].contains(name) && configuration.endOfText.contains(id)
    }
    guard case .string(let architecture)? = file.metadata["general.architecture"] else { return false }
    return key.hasPrefix(architecture + ".")
  }
}
