/// The limits of a tokenizer's file. Beyond them a small file takes excessive memory or time: each step that replaces one
/// character by two doubles the text.
///
/// They are far above models' needs: fewer than ten steps, tokens shorter than 200 bytes, and spaces that become three
/// bytes each.
enum TokenizerLimits {
  /// Normalizers, pre-tokenizers, post-processors or decoders, those within a `Sequence` counted one by one.
  static let steps = 64
  /// How many times longer the steps that replace may make a text.
  static let growth = 256.0
  /// Bytes of the text that a step looks for, and of the text that it puts there.
  static let literal = 1024
  /// Bytes of a token's spelling. The search for its merges takes the square.
  static let token = 2048
  /// Bytes of all added tokens together, each of which is a node in the table that finds them.
  static let addedTokens = 4 << 20

  /// - Parameter steps: what each replaces, and by what.
  static func growth(of steps: [(pattern: String, content: String)]) -> Double {
    steps.reduce(1) { $0 * max(1, Double($1.content.utf8.count) / Double(max(1, $1.pattern.utf8.count))) }
  }
}
