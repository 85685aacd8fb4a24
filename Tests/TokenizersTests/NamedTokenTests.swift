import Foundation
import Testing
import Tokenizers

/// What transformers answers, written by scripts/make-named-token-fixtures.py.
private struct NamedTokenCases: Decodable {
  let document: String
  let cases: [Case]

  struct Case: Decodable, CustomTestStringConvertible {
    let name: String
    /// Contents by file name.
    let files: [String: String]
    let size: Int
    let roles: [String: String]
    let encode: [Cases.Encoding]
    let special: [Int32]

    var testDescription: String { name }
  }

  static let all: NamedTokenCases? = try? JSONDecoder().decode(
    NamedTokenCases.self, from: Data(contentsOf: Fixtures.folder.appending(path: "named-tokens.json")))
}

@Suite("Tokens that files beside tokenizer.json name")
struct NamedTokenTests {
  @Test("have the ids that transformers gives them", arguments: NamedTokenCases.all?.cases ?? [])
  private func equality(_ example: NamedTokenCases.Case) throws {
    let document = try #require(NamedTokenCases.all?.document)
    let tokenizer = try load(document, example.files)
    for encoding in example.encode {
      #expect(tokenizer.encode(encoding.text) == encoding.ids, "\(encoding.text)")
    }
    #expect(tokenizer.vocabularySize == example.size)
    #expect(
      Dictionary(tokenizer.tokensByRole.map { ($0.role, $0.token) }) { first, _ in first } == example.roles)
    let hidden = (0..<Int32(example.size)).filter { tokenizer.decode([$0], skipSpecialTokens: true).isEmpty }
    #expect(hidden == example.special)
  }

  @Test("all fixtures are there")
  func count() { #expect((NamedTokenCases.all?.cases.count ?? 0) >= 28) }

  @Test("an id that tokenizer.json contradicts is refused")
  func otherID() throws {
    let document = try #require(NamedTokenCases.all?.document)
    for (config, sentence) in [
      (
        #"{"added_tokens_decoder": {"270": {"content": "<x>"}}}"#,
        "tokenizer_config.json: at $.added_tokens_decoder[\"270\"]: the token \"<x>\" has the id 270 here, but "
          + "tokenizer.json lacks it, and behind its last token the id would be 259. Export the tokenizer again from "
          + "its source."
      ),
      (
        #"{"added_tokens_decoder": {"5": {"content": "<s>"}}}"#,
        "tokenizer_config.json: at $.added_tokens_decoder[\"5\"]: the token \"<s>\" has the id 5 here, but "
          + "tokenizer.json gives it the id 1. Export the tokenizer again from its source."
      ),
    ] {
      let error = #expect(throws: TokenizerError.self) {
        try load(document, ["tokenizer_config.json": config])
      }
      #expect(error.map { $0.description.hasSuffix("/" + sentence) } == true, "\(String(describing: error))")
    }
  }

  @Test(
    "what is no token is refused by file and place",
    arguments: [
      (
        "tokenizer_config.json", #"{"added_tokens_decoder": {"x": {"content": "<x>"}}}"#,
        "an id as the token's key"
      ),
      ("tokenizer_config.json", #"{"added_tokens_decoder": {"259": "<x>"}}"#, "an object with \"content\""),
      ("tokenizer_config.json", #"{"added_tokens_decoder": []}"#, "an object"),
      ("tokenizer_config.json", #"{"pad_token": 3}"#, "a token"),
      ("tokenizer_config.json", #"{"additional_special_tokens": "<x>"}"#, "a list of tokens"),
      ("tokenizer_config.json", #"{"additional_special_tokens": [7]}"#, "a string"),
      ("special_tokens_map.json", "[]", "an object"),
      ("added_tokens.json", #"{"<x>": "259"}"#, "a whole number from 0 to 2147483647"),
    ])
  func malformed(file: String, content: String, expected: String) throws {
    let document = try #require(NamedTokenCases.all?.document)
    let error = #expect(throws: TokenizerError.self) { try load(document, [file: content]) }
    #expect(error?.description.contains("/\(file): at $") == true)
    #expect(error?.description.contains("expected \(expected), found") == true)
  }

  private func load(_ document: String, _ files: [String: String]) throws -> Tokenizer {
    try withTemporaryFolder { folder in
      try Data(document.utf8).write(to: folder.appending(path: "tokenizer.json"))
      func url(_ name: String) throws -> URL? {
        guard let content = files[name] else { return nil }
        let url = folder.appending(path: name)
        try Data(content.utf8).write(to: url)
        return url
      }
      return try Tokenizer(
        huggingFaceJSON: folder.appending(path: "tokenizer.json"), config: url("tokenizer_config.json"),
        specialTokensMap: url("special_tokens_map.json"), addedTokens: url("added_tokens.json"))
    }
  }
}

@Suite("A tokenizer's budget")
struct TokenizerLimitTests {
  private static func document(normalizer: String = "null", decoder: String = "null", pre: String = "null")
    -> String
  {
    #"""
    {"model": {"type": "BPE", "vocab": {"x": 0, "y": 1}, "merges": []}, "normalizer": \#(normalizer),
     "pre_tokenizer": \#(pre), "decoder": \#(decoder)}
    """#
  }

  private static func sequence(_ list: String, _ step: String, _ count: Int) -> String {
    #"{"type": "Sequence", "\#(list)": [\#(Array(repeating: step, count: count).joined(separator: ","))]}"#
  }

  private static let doubling = #"{"type": "Replace", "pattern": {"String": "x"}, "content": "xx"}"#
  private static let digits = #"{"type": "Digits"}"#

  static let refused: [(String, String)] = [
    (
      document(normalizer: sequence("normalizers", doubling, 28)),
      "at $.normalizer: making a text more than 256 times longer by Replace is not supported"
    ),
    (
      document(decoder: sequence("decoders", doubling, 28)),
      "at $.decoder: making a text more than 256 times longer by Replace is not supported"
    ),
    (
      document(pre: sequence("pretokenizers", sequence("pretokenizers", digits, 60), 2)),
      "at $.pre_tokenizer: a sequence of more than 64 steps is not supported"
    ),
    (
      document(
        normalizer: #"{"type": "Prepend", "prepend": "\#(String(repeating: "x", count: 2000))"}"#),
      "at $.normalizer.prepend: a text of 2000 bytes is not supported. Supported here: at most 1024 bytes."
    ),
    (
      document().replacingOccurrences(of: "\"y\": 1", with: "\"\(String(repeating: "y", count: 3000))\": 1"),
      "at $.model.vocab: a token of 3000 bytes is not supported. Supported here: at most 2048 bytes."
    ),
  ]

  @Test("what costs more than its file is large is refused", arguments: refused)
  func refusals(document: String, sentence: String) throws {
    let error = #expect(throws: TokenizerError.self) { try load(document) }
    #expect(error?.description.contains(sentence) == true, "\(String(describing: error))")
  }

  @Test("eight doublings are carried out")
  func allowed() throws {
    let tokenizer = try load(Self.document(normalizer: Self.sequence("normalizers", Self.doubling, 8)))
    #expect(tokenizer.encode("xy") == Array(repeating: 0, count: 256) + [1])
  }

  private func load(_ document: String) throws -> Tokenizer {
    try withTemporaryFolder { folder in
      let url = folder.appending(path: "tokenizer.json")
      try Data(document.utf8).write(to: url)
      return try Tokenizer(huggingFaceJSON: url, config: nil)
    }
  }
}
