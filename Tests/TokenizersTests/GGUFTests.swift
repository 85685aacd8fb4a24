import Foundation
import Testing
import Tokenizers

/// The vocabulary of a `tokenizer.json` as a GGUF file would hold it.
struct StoredVocabulary {
  var tokens: [String]
  var merges: [String]
  var special: Set<Int>
  var added: Set<Int>

  init(_ url: URL) throws {
    let root = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    let model = try #require(root["model"] as? [String: Any])
    var byID: [Int: String] = [:]
    for (token, id) in try #require(model["vocab"] as? [String: Int]) { byID[id] = token }
    (special, added) = ([], [])
    for token in try #require(root["added_tokens"] as? [[String: Any]]) {
      let id = try #require(token["id"] as? Int)
      byID[id] = token["content"] as? String
      if token["special"] as? Bool == true { special.insert(id) } else { added.insert(id) }
    }
    tokens = try (0..<byID.count).map { try #require(byID[$0]) }
    merges = try #require(model["merges"] as? [Any]).map {
      ($0 as? String) ?? ($0 as? [String] ?? []).joined(separator: " ")
    }
  }

  var types: [Int32] {
    tokens.enumerated().map { id, token in
      if special.contains(id) { return token == "<unk>" ? 2 : 3 }
      if added.contains(id) { return 4 }
      return token.hasPrefix("<0x") && token.utf8.count == 6 ? 6 : 1
    }
  }

  /// SentencePiece scores its merges 0, -1, -2 … in the order of training, and so are the ids.
  var scores: [Float] { tokens.indices.map { types[$0] == 1 ? -Float($0) : 0 } }
}

@Suite("GGUF vocabularies")
struct GGUFTests {
  @Test(
    "a byte-level vocabulary gives the ids of its tokenizer.json",
    arguments: [("smollm2-like", "smollm"), ("llama3-like", "llama-bpe"), ("qwen2-like", "qwen2")])
  func byteLevel(name: String, pre: String) throws {
    let stored = try StoredVocabulary(Fixtures.url(name))
    let begin = stored.tokens.firstIndex(of: "<|begin_of_text|>")
    let vocabulary = GGUFVocabulary(
      model: "gpt2", pre: pre, tokens: stored.tokens, tokenTypes: stored.types, merges: stored.merges,
      bosID: begin)
    var cases = try Fixtures.cases(name)
    if name == "qwen2-like" {
      // Its one normalized added token is nothing that a GGUF file can say.
      cases.encode.removeAll { $0.text.contains("<norm") }
      let normalized = try #require(stored.tokens.firstIndex { $0.hasPrefix("<norm") })
      cases.decode.removeAll { $0.ids.contains(Int32(normalized)) }
    }
    let tokenizer = try Tokenizer(gguf: vocabulary)
    expectEqual(tokenizer, cases)
    expectEqual(try reloaded(tokenizer), cases)
  }

  @Test("a SentencePiece vocabulary has its merges in its scores")
  func sentencePiece() throws {
    let stored = try StoredVocabulary(Fixtures.url("llama2-like"))
    let vocabulary = GGUFVocabulary(
      model: "llama", tokens: stored.tokens, scores: stored.scores, tokenTypes: stored.types, bosID: 1,
      eosID: 2, unknownID: 0)
    let tokenizer = try Tokenizer(gguf: vocabulary)
    let cases = try Fixtures.cases("llama2-like")
    expectEqual(tokenizer, cases)
    expectEqual(try reloaded(tokenizer), cases)
    #expect(tokenizer.encode("a", addSpecialTokens: true).first == 1)
    #expect(tokenizer.eosIDs == [2])
  }

  @Test(
    "a tokenizer.json that was written says what the one that was read said",
    arguments: HuggingFaceEqualityTests.names)
  func rewritten(name: String) throws {
    expectEqual(try reloaded(Fixtures.tokenizer(name)), try Fixtures.cases(name))
  }

  @Test(
    "SmolLM2's GGUF vocabulary becomes its tokenizer.json, byte by byte",
    .enabled(if: Fixtures.smolLM2 != nil, Comment(rawValue: Fixtures.skipped)))
  func smolLM2() throws {
    let url = try #require(Fixtures.smolLM2)
    let stored = try StoredVocabulary(url)
    let tokenizer = try Tokenizer(
      gguf: GGUFVocabulary(
        model: "gpt2", pre: "smollm", tokens: stored.tokens, tokenTypes: stored.types, merges: stored.merges,
        bosID: 1, eosID: 2, unknownID: 0, paddingID: 2, addBOS: false, addSpacePrefix: false))
    expectEqual(tokenizer, try Fixtures.cases("smollm2"))
    #expect(tokenizer.huggingFaceJSON() == (try Data(contentsOf: url)))
    #expect(tokenizer.encode("Hi", addSpecialTokens: true) == tokenizer.encode("Hi"))
    let config = try #require(
      try JSONSerialization.jsonObject(with: tokenizer.huggingFaceConfigJSON()) as? [String: Any])
    #expect(config["bos_token"] as? String == "<|im_start|>")
    #expect(config["eos_token"] as? String == "<|im_end|>")
    #expect(config["unk_token"] as? String == "<|endoftext|>")
    #expect(config["add_bos_token"] as? Bool == false)
  }

  @Test("the config that is written gives BOS, EOS and their adding back")
  func config() throws {
    let stored = try StoredVocabulary(Fixtures.url("llama2-like"))
    let tokenizer = try Tokenizer(
      gguf: GGUFVocabulary(
        model: "llama", tokens: stored.tokens, scores: stored.scores, tokenTypes: stored.types, bosID: 1,
        eosID: 2, addBOS: true, addEOS: true))
    let again = try reloaded(tokenizer)
    #expect(again.bosID == 1)
    #expect(again.eosIDs == [2])
    let ids = again.encode("Hello", addSpecialTokens: true)
    #expect(ids == [1] + again.encode("Hello") + [2])
    #expect(ids == tokenizer.encode("Hello", addSpecialTokens: true))
  }

  private func reloaded(_ tokenizer: Tokenizer) throws -> Tokenizer {
    try withTemporaryFolder { folder in
      let json = folder.appending(path: "tokenizer.json")
      let config = folder.appending(path: "tokenizer_config.json")
      try tokenizer.huggingFaceJSON().write(to: json)
      try tokenizer.huggingFaceConfigJSON().write(to: config)
      return try Tokenizer(huggingFaceJSON: json, config: config)
    }
  }
}

func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
  let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizers-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}
