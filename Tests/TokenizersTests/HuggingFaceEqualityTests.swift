import Foundation
import Testing
import Tokenizers

@Suite("Equal to Hugging Face tokenizers")
struct HuggingFaceEqualityTests {
  static let names = [
    "smollm2-like", "gpt2-like", "llama3-like", "qwen2-like", "llama2-like", "gemma-like", "phi3-like",
    "metaspace-first", "metaspace-always", "metaspace-never",
  ]

  @Test("gives the same ids, and the same text back", arguments: names)
  func small(name: String) throws {
    let cases = try Fixtures.cases(name)
    #expect(cases.encode.count >= 500)
    expectEqual(try Fixtures.tokenizer(name), cases)
  }

  @Test(
    "gives the same ids as SmolLM2's tokenizer on 3000 texts",
    .enabled(if: Fixtures.smolLM2 != nil, Comment(rawValue: Fixtures.skipped)))
  func smolLM2() throws {
    let cases = try Fixtures.cases("smollm2")
    #expect(cases.encode.count >= 2000)
    let url = try #require(Fixtures.smolLM2)
    let config = url.deletingLastPathComponent().appending(path: "tokenizer_config.json")
    let tokenizer = try Tokenizer(huggingFaceJSON: url, config: config)
    #expect(tokenizer.vocabularySize == 49152)
    #expect(tokenizer.bosID == 1)
    #expect(tokenizer.eosIDs == [2])
    expectEqual(tokenizer, cases)
  }

  @Test("does the same with each option that models rarely set")
  func variants() throws {
    let variants = try Fixtures.variants()
    #expect(variants.count >= 16)
    for variant in variants {
      let tokenizer = try withTemporaryFolder { folder in
        let url = folder.appending(path: "tokenizer.json")
        try Data(variant.document.utf8).write(to: url)
        return try Tokenizer(huggingFaceJSON: url, config: nil)
      }
      expectEqual(tokenizer, variant.cases, name: variant.name)
    }
  }

  @Test("streams the text that decoding all at once gives", arguments: names)
  func streaming(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    let examples = try Fixtures.cases(name).encode
    #expect(!examples.isEmpty)
    for example in examples {
      var stream = tokenizer.streamingDecoder()
      let text = example.ids.map { stream.append($0) }.joined() + stream.finish()
      #expect(sameBytes(text, tokenizer.decode(example.ids)), "\(example.ids)")
    }
  }

  @Test("streams broken byte-level tokens as decoding all at once shows them")
  func streamingBroken() throws {
    let tokenizer = try Fixtures.tokenizer("smollm2-like")
    let examples = try Fixtures.cases("smollm2-like").decode
    #expect(!examples.isEmpty)
    for example in examples {
      var stream = tokenizer.streamingDecoder(skipSpecialTokens: true)
      let text = example.ids.map { stream.append($0) }.joined() + stream.finish()
      #expect(sameBytes(text, example.withoutSpecials), "\(example.ids)")
    }
  }
}

/// Every case of a fixture; the first few differences are shown.
func expectEqual(
  _ tokenizer: Tokenizer, _ cases: Cases, name: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
  var differences: [String] = []
  for example in cases.encode {
    let ids = tokenizer.encode(example.text)
    if ids != example.ids {
      differences.append("encode \(example.text.debugDescription): \(ids), expected \(example.ids)")
    }
    let text = tokenizer.decode(example.ids)
    let expected = example.decoded ?? example.text
    if !sameBytes(text, expected) {
      differences.append(
        "decode \(example.ids): \(text.debugDescription), expected \(expected.debugDescription)")
    }
  }
  for example in cases.decode {
    for (skips, expected) in [(false, example.text), (true, example.withoutSpecials)] {
      let text = tokenizer.decode(example.ids, skipSpecialTokens: skips)
      if !sameBytes(text, expected) {
        differences.append(
          "decode \(example.ids): \(text.debugDescription), expected \(expected.debugDescription)")
      }
    }
  }
  for example in cases.withSpecialTokens {
    let ids = tokenizer.encode(example.text, addSpecialTokens: true)
    if ids != example.ids {
      differences.append("encode \(example.text.debugDescription): \(ids), expected \(example.ids)")
    }
  }
  #expect(
    differences.isEmpty, "\(name) \(differences.count): \(differences.prefix(8).joined(separator: "\n"))",
    sourceLocation: sourceLocation)
}
