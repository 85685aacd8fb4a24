/// Cuts a normalized text into words, which byte-pair encoding then takes one by one.
struct PreTokenizer: Sendable {
  /// What is done to the whole text first.
  enum Preparation: Sendable, Equatable {
    case none
    case spaceInFront
    case metaspace(Metaspace)
  }

  let preparation: Preparation
  /// Each cuts the pieces of the one before it further.
  let scanners: [WordScanner]
  /// Whether words are bytes in GPT-2's alphabet, or characters.
  let isByteLevel: Bool

  init(_ nodes: [PreTokenizerNode], file: String) throws(TokenizerError) {
    func unsupported(_ feature: String, _ supported: String) -> TokenizerError {
      .unsupported(file: file, path: "$.pre_tokenizer", feature: feature, supported: supported)
    }
    var preparation = Preparation.none
    var scanners: [WordScanner] = []
    var isByteLevel = false
    for (index, node) in nodes.enumerated() {
      if isByteLevel { throw unsupported("cutting after ByteLevel", "ByteLevel as the last step") }
      switch node {
      case .digits(let individually): scanners.append(.digits(individually: individually))
      case .pattern(let pattern): scanners.append(.pattern(pattern))
      case .literal(let text): scanners.append(.after(Array(text.utf8)))
      case .byteLevel(let addsPrefixSpace, let usesPattern):
        isByteLevel = true
        if addsPrefixSpace {
          guard index == 0 else {
            throw unsupported("a space in front of every piece", "\"add_prefix_space\": false here")
          }
          preparation = .spaceInFront
        }
        if usesPattern { scanners.append(.pattern(.gpt2)) }
      case .metaspace(let metaspace):
        guard nodes.count == 1 else {
          throw unsupported("Metaspace together with other steps", "Metaspace alone")
        }
        preparation = .metaspace(metaspace)
        if metaspace.splits { scanners.append(.before(Array(String(metaspace.replacement).utf8))) }
      }
    }
    self.preparation = preparation
    self.scanners = scanners
    self.isByteLevel = isByteLevel
  }

  /// `isFirst`: whether this text starts where the whole text starts.
  func prepare(_ bytes: [UInt8], isFirst: Bool) -> [UInt8] {
    switch preparation {
    case .none: return bytes
    case .spaceInFront: return bytes.first == 0x20 ? bytes : [0x20] + bytes
    case .metaspace(let metaspace):
      let mark = Array(String(metaspace.replacement).utf8)
      let text = replacing([0x20], with: mark, in: bytes)
      let wantsMark = metaspace.scheme == .always || (metaspace.scheme == .first && isFirst)
      return wantsMark && !text.starts(with: mark) ? mark + text : text
    }
  }

  /// Calls `body` with each word's place in the prepared text, from left to right.
  func forEachWord(in bytes: [UInt8], _ body: (Range<Int>) -> Void) {
    guard !scanners.isEmpty else {
      if !bytes.isEmpty { body(0..<bytes.count) }
      return
    }
    // ends[level] is where the piece of that scanner ends in which the next word starts.
    var ends = Array(repeating: 0, count: scanners.count)
    var start = 0
    while start < bytes.count {
      var limit = bytes.count
      for level in scanners.indices {
        if ends[level] <= start {
          ends[level] = scanners[level].pieceEnd(in: bytes, from: start, to: limit)
        }
        limit = ends[level]
      }
      body(start..<limit)
      start = limit
    }
  }
}
