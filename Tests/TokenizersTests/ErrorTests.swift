import Foundation
import Testing
import Tokenizers

@Suite("Refused tokenizers")
struct ErrorTests {
  /// A small valid tokenizer; each test breaks one thing.
  private static let valid = """
    {"added_tokens": [{"id": 4, "content": "<s>", "special": true}],
     "normalizer": null,
     "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false},
     "post_processor": null,
     "decoder": {"type": "ByteLevel"},
     "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3}, "merges": ["a b"]}}
    """

  @Test("the tokenizer that the others are made from is fine")
  func fine() throws {
    let tokenizer = try load(Self.valid)
    #expect(tokenizer.encode("ab a<s>b") == [2, 3, 0, 4, 1])
    #expect(tokenizer.vocabularySize == 5)
    #expect(tokenizer.token(of: 4) == "<s>")
    #expect(tokenizer.token(of: 5) == nil)
    #expect(tokenizer.token(of: -1) == nil)
    #expect(tokenizer.decode([-1, 0, 77, 4], skipSpecialTokens: true) == "a")
  }

  private static let export = " Export the tokenizer again from its source."
  private static let check = " Check that this is a Hugging Face `tokenizers` file."

  /// The valid tokenizer with `part` replaced, and what is said about it.
  struct Broken: Sendable, CustomTestStringConvertible {
    var part: String
    var replacement: String
    var sentence: String

    init(_ part: String, _ replacement: String, _ sentence: String, advice: String = "") {
      self.part = part
      self.replacement = replacement
      self.sentence = sentence + advice
    }

    var testDescription: String { replacement }
  }

  static let broken: [Broken] = [
    Broken(
      #""type": "BPE""#, #""type": "Unigram""#,
      "tokenizer.json: at $.model.type: the model type \"Unigram\" is not supported. Supported here: BPE."
    ),
    Broken(
      #""type": "BPE""#, #""type": "WordPiece""#,
      "tokenizer.json: at $.model.type: the model type \"WordPiece\" is not supported. Supported here: BPE."
    ),
    Broken(
      #""ab": 2"#, #""ab": 7"#,
      "tokenizer.json: at $.model.vocab: no token has the id 2, but 8 tokens must have the ids 0 to 7.",
      advice: export
    ),
    Broken(
      #""ab": 2"#, #""ab": 1"#,
      "tokenizer.json: at $.model.vocab: the id 1 is given to two tokens, \"b\" and \"ab\".", advice: export
    ),
    Broken(
      #""ab": 2"#, #""ab": 2, "a": 5"#,
      "tokenizer.json:6:62: not valid JSON: the key \"a\" is given twice. The file may be incomplete; fetch it "
        + "again."
    ),
    Broken(
      #""ab": 2"#, #""ab": -2"#,
      "tokenizer.json: at $.model.vocab[\"ab\"]: expected a whole number from 0 to 4194304, found -2.",
      advice: check
    ),
    Broken(
      #""id": 4"#, #""id": 2"#,
      "tokenizer.json: at $.added_tokens[0]: the id 2 is given to two tokens, \"ab\" and \"<s>\".",
      advice: export
    ),
    Broken(
      #"["a b"]"#, #"["a b", "a c"]"#,
      "tokenizer.json: at $.model.merges: merge 1 needs the token \"c\", which is not in the vocabulary.",
      advice: export
    ),
    Broken(
      #"["a b"]"#, #"["b a"]"#,
      "tokenizer.json: at $.model.merges: merge 0 needs the token \"ba\", which is not in the vocabulary.",
      advice: export
    ),
    Broken(
      #"["a b"]"#, #"["ab"]"#,
      "tokenizer.json: at $.model.merges: merge 0 is \"ab\", expected two tokens with one space between "
        + "them.",
      advice: export
    ),
    Broken(
      #"["a b"]"#, #"[["a", "b", "c"]]"#,
      "tokenizer.json: at $.model.merges[0]: expected two tokens, found a list of 3.", advice: check
    ),
    Broken(
      #""merges": ["a b"]"#, #""other": 1"#,
      "tokenizer.json: at $.model.merges: expected pairs of tokens, found nothing.", advice: check
    ),
    Broken(
      #""normalizer": null"#,
      #""normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}"#,
      "tokenizer.json: at $.normalizer.normalizers[1]: the normalizer \"Lowercase\" is not supported. "
        + "Supported here: NFC, Prepend, Replace, Sequence."
    ),
    Broken(
      #"{"type": "ByteLevel", "add_prefix_space": false}"#,
      #"{"type": "Split", "pattern": {"Regex": "\\w+"}, "behavior": "Isolated", "invert": false}"#,
      "tokenizer.json: at $.pre_tokenizer.pattern.Regex: the regular expression \\w+ is not supported. "
        + "Supported here: those of GPT-2, Llama 3 and Qwen2, letter by letter."
    ),
    Broken(
      #"{"type": "ByteLevel", "add_prefix_space": false}"#, #"{"type": "BertPreTokenizer"}"#,
      "tokenizer.json: at $.pre_tokenizer: the pre-tokenizer \"BertPreTokenizer\" is not supported. "
        + "Supported here: ByteLevel, Digits, Metaspace, Sequence, Split."
    ),
    Broken(
      #""post_processor": null"#, #""post_processor": {"type": "BertProcessing"}"#,
      "tokenizer.json: at $.post_processor: the post-processor \"BertProcessing\" is not supported. "
        + "Supported here: ByteLevel, Sequence, TemplateProcessing."
    ),
    Broken(
      #""decoder": {"type": "ByteLevel"}"#, #""decoder": {"type": "WordPiece"}"#,
      "tokenizer.json: at $.decoder: the decoder \"WordPiece\" is not supported. Supported here: "
        + "ByteFallback, ByteLevel, Fuse, Metaspace, Replace, Sequence, Strip."
    ),
    Broken(
      #""vocab": {"a": 0, "b": 1, "ab": 2, "Ġ": 3}"#, #""vocab": {"a": 0, "b": 1"#,
      "tokenizer.json:6:72: not valid JSON: expected ',' or '}', found the end. The file may be incomplete; "
        + "fetch it again."
    ),
    Broken(
      #""merges": ["a b"]"#, #""merges": ["a b"], "unk_token": "<unk>""#,
      "tokenizer.json: at $.model.unk_token: the unknown token is \"<unk>\", which is not in the vocabulary.",
      advice: export
    ),
    Broken(
      #""merges": ["a b"]"#, #""merges": ["a b"], "dropout": 0.1"#,
      "tokenizer.json: at $.model.dropout: dropping merges at random is not supported. Supported here: no "
        + "dropout."
    ),
  ]

  @Test("says what is wrong, where, what was expected and what to do", arguments: broken)
  func sentences(_ broken: Broken) throws {
    let json = Self.valid.replacingOccurrences(of: broken.part, with: broken.replacement)
    #expect(json != Self.valid)
    let error = #expect(throws: TokenizerError.self) { try load(json) }
    #expect(error.map { short($0) } == broken.sentence)
  }

  @Test("a config that names a token which does not exist is refused")
  func config() throws {
    let error = #expect(throws: TokenizerError.self) {
      try load(Self.valid, config: #"{"bos_token": {"content": "<bos>"}}"#)
    }
    #expect(
      error.map { short($0) }
        == "tokenizer_config.json: at $.bos_token: the beginning-of-text token is \"<bos>\", which is not "
        + "in the vocabulary. Export the tokenizer again from its source."
    )
  }

  @Test("a config decides about BOS and EOS when it says anything about them")
  func addBOS() throws {
    let config = #"{"bos_token": "<s>", "eos_token": {"content": "ab"}, "add_bos_token": true}"#
    let tokenizer = try load(Self.valid, config: config)
    #expect(tokenizer.encode("b", addSpecialTokens: true) == [4, 1])
    #expect(tokenizer.encode("b") == [1])
    #expect(tokenizer.bosID == 4)
    #expect(tokenizer.eosIDs == [2])
  }

  @Test("a file that does not exist is named")
  func missing() throws {
    let url = URL(fileURLWithPath: "/nowhere/tokenizer.json")
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(huggingFaceJSON: url, config: nil) }
    #expect(error?.description.hasPrefix("/nowhere/tokenizer.json: the file cannot be read (") == true)
    #expect(error?.description.hasSuffix("Check the path and its permissions.") == true)
  }

  @Test("tokens that are only canonically equivalent stay apart")
  func canonicalEquivalents() throws {
    let json = #"""
      {"model": {"type": "BPE", "vocab": {"\u00c5": 0, "\u212b": 1, "A": 2, "\u030a": 3}, "merges": []}}
      """#
    let tokenizer = try load(json)
    #expect(tokenizer.encode("\u{212b}\u{c5}A\u{30a}") == [1, 0, 2, 3])
  }

  @Test("no prefix of a file, and no byte changed in it, does worse than an error")
  func damagedFiles() throws {
    let bytes = Array(Self.valid.utf8)
    var generator = SeededGenerator(state: 7)
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "tokenizer.json")
      for length in bytes.indices {
        try Data(bytes[..<length]).write(to: url)
        #expect(throws: TokenizerError.self) { try Tokenizer(huggingFaceJSON: url, config: nil) }
        var changed = bytes
        changed[length] = UInt8.random(in: 0...255, using: &generator)
        try Data(changed).write(to: url)
        if let tokenizer = try? Tokenizer(huggingFaceJSON: url, config: nil) {
          _ = tokenizer.decode(tokenizer.encode("ab <s> ba"))
        }
      }
      try Data(String(repeating: "[", count: 100_000).utf8).write(to: url)
      #expect(throws: TokenizerError.self) { try Tokenizer(huggingFaceJSON: url, config: nil) }
    }
  }

  struct BrokenGGUF: Sendable, CustomTestStringConvertible {
    var vocabulary: GGUFVocabulary
    var sentence: String

    init(_ vocabulary: GGUFVocabulary, _ sentence: String, advice: String = "") {
      self.vocabulary = vocabulary
      self.sentence = sentence + advice
    }

    var testDescription: String { sentence }
  }

  static let brokenGGUF: [BrokenGGUF] = [
    BrokenGGUF(
      GGUFVocabulary(model: "bert", tokens: ["a"]),
      "GGUF: at tokenizer.ggml.model: the model \"bert\" is not supported. Supported here: gpt2, llama."
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "gpt2", pre: "tekken", tokens: ["a"]),
      "GGUF: at tokenizer.ggml.pre: the pre-tokenizer \"tekken\" is not supported. Supported here: "
        + "default, gpt-2, llama-bpe, qwen2, smollm."
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "llama", tokens: ["a", "b"], scores: [0]),
      "GGUF: at tokenizer.ggml.scores: scores has 1 entries for 2 tokens, expected one for each.",
      advice: export
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "gpt2", tokens: ["a", "b"], tokenTypes: [1, 1, 1]),
      "GGUF: at tokenizer.ggml.token_type: token_type has 3 entries for 2 tokens, expected one for each.",
      advice: export
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "gpt2", tokens: ["a", "b"], eosID: 2),
      "GGUF: at tokenizer.ggml.eos_token_id: expected an id below 2, found 2. Write the file again with "
        + "its converter."
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "gpt2", tokens: ["a", "b", "a"]),
      "GGUF: at tokenizer.ggml.tokens: the token \"a\" has two ids, 0 and 2.", advice: export
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "gpt2", tokens: ["a", "b"], merges: ["a b"]),
      "GGUF: at tokenizer.ggml.merges: merge 0 needs the token \"ab\", which is not in the vocabulary.",
      advice: export
    ),
    BrokenGGUF(
      GGUFVocabulary(model: "gpt2", tokens: []),
      "GGUF: at tokenizer.ggml.tokens: the vocabulary has no tokens.", advice: export
    ),
  ]

  @Test("GGUF vocabularies are refused by key", arguments: brokenGGUF)
  func gguf(_ broken: BrokenGGUF) throws {
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(gguf: broken.vocabulary) }
    #expect(error?.description == broken.sentence)
  }

  private func load(_ json: String, config: String? = nil) throws -> Tokenizer {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "tokenizer.json")
      let configURL = folder.appending(path: "tokenizer_config.json")
      try Data(json.utf8).write(to: url)
      if let config { try Data(config.utf8).write(to: configURL) }
      return try Tokenizer(huggingFaceJSON: url, config: config.map { _ in configURL })
    }
  }

  /// The message without the temporary folder in front of the file's name.
  private func short(_ error: TokenizerError) -> String {
    let text = error.description
    let file = text.prefix { $0 != ":" }
    guard let slash = file.lastIndex(of: "/") else { return text }
    return String(text[text.index(after: slash)...])
  }
}
