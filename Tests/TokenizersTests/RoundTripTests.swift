import Foundation
import Testing
import Tokenizers

@Suite("Round trips and long texts")
struct RoundTripTests {
  #if DEBUG
    private static let patience = Duration.seconds(20)
  #else
    private static let patience = Duration.seconds(2)
  #endif

  @Test("a byte-level tokenizer gives back every text", arguments: ["smollm2-like", "llama3-like"])
  func roundTrip(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    var generator = SeededGenerator(state: 42)
    for _ in 0..<2000 {
      let text = randomText(using: &generator)
      let ids = tokenizer.encode(text)
      #expect(sameBytes(tokenizer.decode(ids), text))
      var stream = tokenizer.streamingDecoder()
      #expect(sameBytes(ids.map { stream.append($0) }.joined() + stream.finish(), text))
    }
  }

  @Test("a streamed character comes when its last byte does")
  func streamingWaits() throws {
    let tokenizer = try Fixtures.tokenizer("smollm2-like")
    let bytes = tokenizer.encode("\u{1F9FF}")
    #expect(bytes.count > 1)
    var stream = tokenizer.streamingDecoder()
    for id in bytes.dropLast() { #expect(stream.append(id) == "") }
    #expect(stream.append(bytes[bytes.count - 1]) == "\u{1F9FF}")
    #expect(stream.finish() == "")
    _ = stream.append(bytes[0])
    #expect(stream.finish() == "\u{FFFD}")
  }

  @Test("joining what is encoded word by word is what encoding the whole gives")
  func cachedWords() throws {
    let tokenizer = try Fixtures.tokenizer("smollm2-like")
    let words = [" the", " dog", " prune", " attention", " 你好", " understanding"]
    let text = (0..<500).map { words[$0 % words.count] }.joined()
    #expect(tokenizer.encode(text) == (0..<500).flatMap { tokenizer.encode(words[$0 % words.count]) })
  }

  @Test("a megabyte of English takes about a second at most", arguments: ["smollm2-like", "llama2-like"])
  func english(name: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    let words = "The quick brown fox jumps over the lazy dog, while 3 people don't think about it.\n"
    let text = String(repeating: words, count: 1_000_000 / words.utf8.count)
    let time = ContinuousClock().measure { _ = tokenizer.encode(text) }
    // Measured: 0.1 and 0.25 s. The bound allows for a busy machine.
    #expect(time < Self.patience * 3, "\(time)")
  }

  @Test(
    "time grows with the length of a text without spaces, not with its square",
    arguments: ["smollm2-like", "llama3-like", "llama2-like", "metaspace-first"],
    ["ab", " ", "\n", "你好", "="])
  func noSpaces(name: String, unit: String) throws {
    let tokenizer = try Fixtures.tokenizer(name)
    let text = String(repeating: unit, count: 100_000 / unit.utf8.count)
    let time = ContinuousClock().measure { _ = tokenizer.encode(text) }
    #expect(time < Self.patience, "\(time)")
  }

  private func randomText(using generator: inout SeededGenerator) -> String {
    let planes: [ClosedRange<UInt32>] = [
      0x20...0x7e, 0x20...0x7e, 0...0x1f, 0x80...0x24f, 0x300...0x36f, 0x370...0x1fff, 0x2000...0x206f,
      0x3000...0x9fff, 0xac00...0xd7a3, 0xe000...0xffff, 0x10000...0x10ffff,
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...40, using: &generator) {
      let plane = planes[Int.random(in: 0..<planes.count, using: &generator)]
      if let scalar = Unicode.Scalar(UInt32.random(in: plane, using: &generator)) { text.append(scalar) }
    }
    return String(text)
  }
}
