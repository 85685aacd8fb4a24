import RunRecords

extension LeftBehind {
  /// What a folder can't be used for texts without.
  static func tokenizer(because reason: String) -> LeftBehind { LeftBehind(tokenizerName, because: reason) }
  var isTokenizer: Bool { name == Self.tokenizerName }
  private static let tokenizerName = "the tokenizer"

  /// More than this many are not told one by one.
  private static let mostTold = 12

  /// `README.md (it describes the source), original/`.
  public static func words(_ all: [LeftBehind]) -> String {
    let told = all.prefix(mostTold).map(\.words)
    let rest = all.count - told.count
    return told.joined(separator: ", ") + (rest > 0 ? " and \(rest) more, which events.jsonl names" : "")
  }

  /// Why something is left behind, as it may be thrown.
  struct Reason: Error, ExpressibleByStringLiteral {
    let words: String
    init(stringLiteral words: String) { self.words = words }
  }
}
