import Checkpoints
import Files
import JSON
import Tokenizers

// Which tokens end a text: in generation and in training.

extension LoadedModel {
  /// The tokens at which generation stops. If there are none, generation ends at its greatest length.
  ///
  /// For a folder, these are the tokens at which transformers' `generate` stops: `eos_token_id` of
  /// generation_config.json, a number, a list or none. Without that file, config.json decides. For a GGUF file, they are
  /// the tokens at which llama.cpp stops.
  /// - Throws: `EndOfTextError`.
  package func stopTokens() throws -> Set<Int32> {
    switch source.format {
    case .gguf(let file): return file.endOfGeneration
    case .huggingFace(let folder):
      let ends = try Self.ends(ofGenerationIn: folder) ?? source.configuration.endOfText
      return Set(ends.compactMap { Int32(exactly: $0) })
    }
  }

  /// The tokens that end a training document.
  package struct DocumentEnd: Equatable {
    /// The token to append to a document without an end; nil if the model knows none.
    package let appended: Int32?
    /// Every token that may end a document.
    package let known: Set<Int32>
  }

  /// Returns the ends that the configuration and generation_config.json name. The appended one is the tokenizer's
  /// `eos_token` if it is among them, or else the first of them. If the model names none, a text ends with the
  /// tokenizer's `eos_token`, and token ids stay as they are.
  /// - Throws: `EndOfTextError`. For text also what a tokenizer throws.
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

  /// Returns nil without the file.
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

/// A generation_config.json that does not tell where a text ends.
struct EndOfTextError: Error, Equatable, CustomStringConvertible {
  let file: String
  let reason: String

  var description: String { "\(file): \(reason)" }
}

extension GGUFFile {
  /// The tokens at which llama.cpp stops (`llama_vocab::impl::load` and `is_eog` in `llama-vocab.cpp`). They are the
  /// metadata's ends of text, turn and message, three tokens of code infill, and all tokens with one of these names.
  var endOfGeneration: Set<Int32> {
    guard case .strings(let tokens)? = metadata["tokenizer.ggml.tokens"] else { return [] }
    return Self.endOfGeneration(tokens: tokens) {
      if case .integer(let id)? = metadata["tokenizer.ggml.\($0)_token_id"] { id } else { nil }
    }
  }

  /// - Parameter stated: returns the id that the metadata give for `eos`, `eot` and the like.
  package static func endOfGeneration(tokens: [String], stated: (String) -> Int?) -> Set<Int32> {
    func named(_ names: [String]) -> [Int] { tokens.indices.filter { names.contains(tokens[$0]) } }
    func id(_ key: String) -> Int? { stated(key).flatMap { tokens.indices.contains($0) ? $0 : nil } }
    var ends = named(namesOfEnds)
    ends += ["eos", "eot", "eom"].compactMap(id)
    for (key, names) in namesOfInfill { ends += id(key).map { [$0] } ?? Array(named(names).prefix(1)) }
    let found = Set(ends.map { tokens[$0] })
    // In these models a turn has several messages, and each message has its own end.
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

  /// Metadata keys, and the names that count where a key is missing.
  private static let namesOfInfill = [
    ("fim_pad", ["<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"]),
    ("fim_rep", ["<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"]),
    ("fim_sep", ["<|file_sep|>"]),
  ]
}
