/// Finds added tokens in a text: the leftmost, then the longest, as `tokenizer/added_vocabulary.rs` of Hugging Face
/// `tokenizers` does.
struct AddedTokenMatcher: Sendable {
  /// A part of the text, with its token if it is one.
  struct Piece {
    let range: Range<Int>
    let token: Int32?
  }

  private let tokens: [AddedToken]
  /// Whether special tokens are text like any other (`encode_special_tokens` there).
  private let passesOverSpecial: Bool
  /// A trie of bytes: `edges[node << 8 | byte]` is the next node; node 0 is the root.
  private var edges: [Int: Int] = [:]
  /// By node, the index of the token that ends there.
  private var ends: [Int?] = [nil]
  private var starts = Array(repeating: false, count: 256)

  /// `patterns` are what is searched for, one for each of `tokens`.
  init(_ tokens: [AddedToken], patterns: [String], passesOverSpecial: Bool = false) {
    self.tokens = tokens
    self.passesOverSpecial = passesOverSpecial
    for (index, pattern) in patterns.enumerated() {
      var node = 0
      for byte in pattern.utf8 {
        if node == 0 { starts[Int(byte)] = true }
        if let next = edges[node << 8 | Int(byte)] {
          node = next
        } else {
          edges[node << 8 | Int(byte)] = ends.count
          node = ends.count
          ends.append(nil)
        }
      }
      if node != 0 { ends[node] = index }
    }
  }

  func pieces(of bytes: [UInt8]) -> [Piece] {
    guard !bytes.isEmpty else { return [] }
    var pieces: [Piece] = []
    var covered = 0
    var spaces = 0..<0
    var index = 0
    while index < bytes.count {
      guard starts[Int(bytes[index])], let (token, end) = longest(in: bytes, from: index) else {
        index += 1
        continue
      }
      var range = index..<end
      index = end
      if passesOverSpecial, token.isSpecial { continue }
      if token.isSingleWord, touchesWord(bytes, range) { continue }
      if token.stripsLeft {
        let start = spaceStart(bytes, before: range.lowerBound, notBefore: covered)
        range = start..<max(start, range.upperBound)
      }
      if token.stripsRight {
        // Of a run of white space that a token was stripped of already, the end is known.
        if range.upperBound < spaces.lowerBound || range.upperBound > spaces.upperBound {
          spaces = range.upperBound..<spaceEnd(bytes, after: range.upperBound)
        }
        range = range.lowerBound..<spaces.upperBound
      }
      if covered < range.lowerBound { pieces.append(Piece(range: covered..<range.lowerBound, token: nil)) }
      pieces.append(Piece(range: range, token: token.id))
      covered = range.upperBound
    }
    if covered < bytes.count { pieces.append(Piece(range: covered..<bytes.count, token: nil)) }
    return pieces
  }

  private func longest(in bytes: [UInt8], from start: Int) -> (AddedToken, end: Int)? {
    var node = 0
    var index = start
    var found: (AddedToken, end: Int)?
    while index < bytes.count, let next = edges[node << 8 | Int(bytes[index])] {
      node = next
      index += 1
      if let token = ends[node] { found = (tokens[token], index) }
    }
    return found
  }

  private func touchesWord(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    let before = range.lowerBound > 0 && isWord(bytes, at: characterStart(bytes, before: range.lowerBound))
    return before || (range.upperBound < bytes.count && isWord(bytes, at: range.upperBound))
  }

  /// Not before `first`, except where `end` is before it: then `first`.
  private func spaceStart(_ bytes: [UInt8], before end: Int, notBefore first: Int) -> Int {
    var start = max(end, first)
    while start > first {
      let previous = characterStart(bytes, before: start)
      guard isSpace(bytes, at: previous) else { break }
      start = previous
    }
    return start
  }

  private func spaceEnd(_ bytes: [UInt8], after start: Int) -> Int {
    var end = start
    while end < bytes.count, isSpace(bytes, at: end) {
      end = character(at: end, of: bytes, before: bytes.count).next
    }
    return end
  }

  private func characterStart(_ bytes: [UInt8], before end: Int) -> Int {
    var index = end - 1
    while index > 0, bytes[index] & 0xc0 == 0x80 { index -= 1 }
    return index
  }

  private func isSpace(_ bytes: [UInt8], at index: Int) -> Bool {
    let scalar = character(at: index, of: bytes, before: bytes.count).scalar
    return scalar != .max && CharacterClasses.of(scalar).contains(.space)
  }

  /// `\w` of Rust's `regex`: alphabetic, marks, decimal numbers, connector punctuation, join controls
  /// (https://unicode.org/reports/tr18/#word), in its tables of Unicode 16.
  private func isWord(_ bytes: [UInt8], at index: Int) -> Bool {
    let code = character(at: index, of: bytes, before: bytes.count).scalar
    guard let properties = Unicode.Scalar(code)?.properties, let age = properties.age,
      (age.major, age.minor) <= CharacterClasses.lastPatternVersion
    else { return false }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return properties.isAlphabetic || properties.isJoinControl
    }
  }
}
