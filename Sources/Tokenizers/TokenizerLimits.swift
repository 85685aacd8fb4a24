/// What a tokenizer may ask for. Beyond it a small file takes memory or time out of proportion: each step that replaces
/// one character by two doubles the text.
///
/// Far above what models have: their steps are fewer than ten, their tokens shorter than 200 bytes, and the longest text
/// comes of spaces that become three bytes each.
enum TokenizerLimits {
  /// Normalizers, pre-tokenizers, post-processors or decoders, those within a `Sequence` counted one by one.
  static let steps = 64
  /// How many times longer the steps that replace may make a text.
  static let growth = 256.0
  /// Bytes of what a step looks for, and of what it puts there.
  static let literal = 1024
  /// Bytes of a token's spelling. What looks for the ways to merge a token takes the square of it.
  static let token = 2048
  /// Bytes of all added tokens together, each of which is a node in the table that finds them.
  static let addedTokens = 4 << 20

  /// - Parameter steps: what each replaces, and by what.
  static func growth(of steps: [(pattern: String, content: String)]) -> Double {
    steps.reduce(1) { $0 * max(1, Double($1.content.utf8.count) / Double(max(1, $1.pattern.utf8.count))) }
  }
}
