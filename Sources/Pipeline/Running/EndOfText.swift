import Checkpoints
import Files
import Foundation
import JSON
import Tokenizers

extension LoadedModel {
  /// The tokens at which generation stops; empty where only its length ends it.
  ///
  /// Of a folder, what transformers' `generate` stops at: `eos_token_id` of generation_config.json, a number or a list,
  /// or none where that file has none. Without the file, that of config.json. Of a GGUF file, what llama.cpp stops at.
  /// - Throws: `EndOfTextError`.
  package func stopTokens() throws -> Set<Int32> {
    switch source.format {
    case .gguf(let file): return file.endOfGeneration
    case .huggingFace(let folder):
      let ends = try Self.ends(ofGenerationIn: folder) ?? source.configuration.endOfText
      return Set(ends.compactMap { Int32(exactly: $0) })
    }
  }

  /// What ends a document that is trained on.
  package struct DocumentEnd: Equatable {
    /// Put behind a document that has no end; nil where the model knows none.
    package let appended: Int32?
    /// All that a document may end with.
    package let known: Set<Int32>
  }

  /// The model's own ends are those of its configuration and of generation_config.json. Appended is the tokenizer's
  /// `eos_token` if the model has it among them, or else the first of them. Where the model has none, a text still ends
  /// with the tokenizer's, while token ids stay as they come.
  /// - Throws: `EndOfTextError`, and where there is text to read what a tokenizer throws.
  package func documentEnd(ofText isText: Bool) throws -> DocumentEnd {
    var own = decoder.configuration.endOfText
    if case .huggingFace(let folder) = source.format { own += try Self.ends(ofGenerationIn: folder) ?? [] }
    let ends = own.compactMap { Int32(exactly: $0) }.filter { Int($0) < decoder.vocabulary }
    let theirs = isText ? try tokenizer().eosIDs.first : (try? tokenizer())?.eosIDs.first
    guard let first = ends.first else {
      return isText
        ? DocumentEnd(appended: theirs, known: Set([theirs].compactMap(\.self)))
        : DocumentEnd(appended: nil, known: [])
    }
    let appended = theirs.flatMap { ends.contains($0) ? $0 : nil } ?? first
    return DocumentEnd(appended: appended, known: Set(ends))
  }

  /// nil without the file.
  private static func ends(ofGenerationIn folder: HuggingFaceFolder) throws(EndOfTextError) -> [Int]? {
    guard let path = folder.generationConfiguration else { return nil }
    let value: JSONValue
    do {
      value = try JSONValue(parsing: ReadableFile.bytes(of: path), .python)
    } catch {
      throw EndOfTextError(file: path, reason: "it can't be read: \(error)")
    }
    guard case .object(let object) = value else {
      throw EndOfTextError(file: path, reason: "this is \(value.kindName), expected an object")
    }
    switch object["eos_token_id"] {
    case nil, .null?: return []
    case .array(let values)?:
      let ids = values.compactMap(\.integerValue)
      if ids.count == values.count { return ids }
    case .some(let value):
      if let id = value.integerValue { return [id] }
    }
    throw EndOfTextError(file: path, reason: "eos_token_id: expected a token id or a list of them")
  }
}

/// A generation_config.json of which it can't be told where a text ends.
struct EndOfTextError: Error, Equatable, CustomStringConvertible {
  let file: String
  let reason: String

  var description: String { "\(file): \(reason)" }
}

extension GGUFFile {
  /// The tokens that llama.cpp stops at (`llama_vocab::impl::load` and `is_eog` in `llama-vocab.cpp`): those that the
  /// metadata call ends of text, of turn or of message, three of code in the making, and all with one of these names.
  var endOfGeneration: Set<Int32> {
    guard case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"] else { return [] }
    return Self.endOfGeneration(tokens: tokens) {
      if case .integer(let id)? = metadata["tokenizer.ggml.\($0)_token_id"] { id } else { nil }
    }
  }

  /// - Parameter stated: the id that the metadata give for `eos`, `eot` and the like.
  package static func endOfGeneration(tokens: [String], stated: (String) -> Int?) -> Set<Int32> {
    func named(_ names: [String]) -> [Int] { tokens.indices.filter { names.contains(tokens[$0]) } }
    func id(_ key: String) -> Int? { stated(key).flatMap { tokens.indices.contains($0) ? $0 : nil } }
    var ends = named(namesOfEnds)
    ends += ["eos", "eot", "eom"].compactMap(id)
    for (key, names) in namesOfInfill { ends += id(key).map { [$0] } ?? Array(named(names).prefix(1)) }
    let found = Set(ends.map { tokens[$0] })
    // Models whose turns consist of several messages, each with an end of its own.
    let isCalling = found.contains("<|call|>") || found.contains("<|calls|>")
    if isCalling && (found.contains("<|flush|>") || found.contains("<|return|>")) {
      ends.removeAll { tokens[$0] == "<|end|>" }
    }
    if found.contains("<|tool_response>") { ends.removeAll { tokens[$0] == "</s>" } }
    return Set(ends.compactMap { Int32(exactly: $0) })
  }

  private static let namesOfEnds = [
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
    "<end_of_turn>",
    "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>",
    "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
  ]

  /// By the key that goes before the names.
  private static let namesOfInfill = [
    ("fim_pad", ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"]),
    ("fim_rep", ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"]),
    ("fim_sep", ["<|file_sep|>"]),
  ]
}
