import Checkpoints
import Foundation
import JSON

/// The text of a model's chat template, and the tokens that it may name. Nothing is parsed yet.
public struct ChatTemplateSource: Sendable, Equatable {
  public let text: String
  /// The file that it stands in.
  public let file: String
  /// `bos_token`, `eos_token` and the like, as far as the model names them.
  public var variables: JSONObject

  /// Reads `chat_template.jinja` of a Hugging Face folder, or else `chat_template` of `tokenizer_config.json`, of several
  /// the one called `default`. nil if there is none.
  /// - Throws: `.unreadable` if a file can't be read.
  public init?(folder: String) throws(TrainingDataError) {
    let configurationFile = folder + "/tokenizer_config.json"
    let configuration = try Self.json(configurationFile)
    var variables: JSONObject = [:]
    for name in ["bos_token", "eos_token", "unk_token", "pad_token"] {
      let token = configuration?[name]
      if let text = token?.stringValue ?? token?["content"]?.stringValue { variables[name] = .string(text) }
    }
    let ownFile = folder + "/chat_template.jinja"
    if FileManager.default.fileExists(atPath: ownFile) {
      text = try TextFile(path: ownFile, separator: nil).text(at: 0)
      file = ownFile
    } else if let text = Self.text(configuration?["chat_template"]) {
      self.text = text
      file = configurationFile
    } else {
      return nil
    }
    self.variables = variables
  }

  /// From a GGUF file's metadata.
  public init?(gguf: GGUFFile) {
    guard case .string(let text)? = gguf.metadata["tokenizer.chat_template"] else { return nil }
    self.text = text
    file = gguf.path
    var variables: JSONObject = [:]
    if case .strings(let tokens)? = gguf.metadata["tokenizer.ggml.tokens"] {
      for (name, key) in [
        ("bos_token", "bos_token_id"), ("eos_token", "eos_token_id"), ("unk_token", "unknown_token_id"),
        ("pad_token", "padding_token_id"),
      ] {
        if case .integer(let id)? = gguf.metadata["tokenizer.ggml." + key], tokens.indices.contains(id) {
          variables[name] = .string(tokens[id])
        }
      }
    }
    self.variables = variables
  }

  private static func text(_ value: JSONValue?) -> String? {
    if let text = value?.stringValue { return text }
    return value?.arrayValue?.first { $0["name"]?.stringValue == "default" }?["template"]?.stringValue
  }

  private static func json(_ path: String) throws(TrainingDataError) -> JSONValue? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let file = try TextFile(path: path, separator: nil)
    do {
      return try JSONValue(parsing: file.bytes(at: 0), .python)
    } catch {
      throw .unreadable(path: path, reason: "\(error)")
    }
  }
}
