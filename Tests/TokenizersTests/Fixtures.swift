import Foundation
import Tokenizers

/// What Hugging Face `tokenizers` answers, written by scripts/make-tokenizer-fixtures.py.
struct Cases: Decodable {
  var encode: [Encoding]
  var decode: [Decoding]
  var withSpecialTokens: [Encoding]

  /// `[text, ids, decoded]`; decoded is null when it is the text itself.
  struct Encoding: Decodable {
    var text: String
    var ids: [Int32]
    var decoded: String?

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      text = try list.decode(String.self)
      ids = try list.decode([Int32].self)
      decoded = list.isAtEnd ? nil : try list.decodeIfPresent(String.self)
    }
  }

  /// `[ids, decoded, decoded without special tokens]`
  struct Decoding: Decodable {
    var ids: [Int32]
    var text: String
    var withoutSpecials: String

    init(from decoder: any Decoder) throws {
      var list = try decoder.unkeyedContainer()
      ids = try list.decode([Int32].self)
      text = try list.decode(String.self)
      withoutSpecials = try list.decode(String.self)
    }
  }

  enum CodingKeys: String, CodingKey {
    case encode, decode
    case withSpecialTokens = "with_special_tokens"
  }
}

/// A tokenizer of a few tokens with one option set.
struct Variant: Decodable {
  var name: String
  /// The `tokenizer.json`, as text.
  var document: String
  var cases: Cases

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: CodingKeys.self)
    name = try members.decode(String.self, forKey: .name)
    document = try members.decode(String.self, forKey: .document)
    cases = try Cases(from: decoder)
  }

  enum CodingKeys: String, CodingKey { case name, document }
}

enum Fixtures {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let folder = root.appending(path: "Tests/Fixtures/tokenizers")

  static func cases(_ name: String) throws -> Cases {
    try JSONDecoder().decode(
      Cases.self, from: Data(contentsOf: folder.appending(path: "\(name).cases.json")))
  }

  static func variants() throws -> [Variant] {
    let data = try Data(contentsOf: folder.appending(path: "variants.json"))
    return try JSONDecoder().decode([String: [Variant]].self, from: data)["variants"] ?? []
  }

  static func url(_ name: String) -> URL { folder.appending(path: "\(name).tokenizer.json") }

  static func tokenizer(_ name: String) throws -> Tokenizer {
    try Tokenizer(huggingFaceJSON: url(name), config: nil)
  }

  /// SmolLM2's own tokenizer is too large for the repository.
  static let smolLM2: URL? = {
    let named = ProcessInfo.processInfo.environment["ADAPT_PRUNER_REFERENCE"].map(URL.init(fileURLWithPath:))
    let places = [named, root.deletingLastPathComponent().appending(path: "shared/reference")]
    return places.compactMap { $0?.appending(path: "smollm2/tokenizer.json") }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }()

  static let skipped: String =
    "needs smollm2/tokenizer.json in the folder that ADAPT_PRUNER_REFERENCE names, or in ../shared/reference"
}

/// Strings are equal here when their bytes are; Swift's own `==` takes canonical equivalents for equal.
func sameBytes(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }

/// The same numbers each time: SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
