/// Turns tokens back into text.
enum TokenDecoder: Sendable {
  /// No decoder at all: tokens with spaces between them.
  case spaced
  case byteLevel
  case metaspace(Metaspace)
  case sentencePiece(SentencePieceDecoder)

  init(_ nodes: [DecoderNode], file: String) throws(TokenizerError) {
    switch nodes.first {
    case nil: self = .spaced
    case .byteLevel where nodes.count == 1: self = .byteLevel
    case .metaspace(let metaspace) where nodes.count == 1: self = .metaspace(metaspace)
    default: self = .sentencePiece(try SentencePieceDecoder(nodes, file: file))
    }
  }

  func text(of tokens: [String]) -> String {
    switch self {
    case .spaced: tokens.joined(separator: " ")
    case .byteLevel:
      String(decoding: tokens.flatMap { ByteAlphabet.bytes(of: $0) ?? Array($0.utf8) }, as: UTF8.self)
    case .metaspace(let metaspace):
      tokens.enumerated().map { Self.plain($1, metaspace, isFirst: $0 == 0) }.joined()
    case .sentencePiece(let decoder): decoder.text(of: tokens)
    }
  }

  static func plain(_ token: String, _ metaspace: Metaspace, isFirst: Bool) -> String {
    var text = String.UnicodeScalarView()
    for scalar in token.unicodeScalars {
      if scalar != metaspace.replacement {
        text.append(scalar)
      } else if !isFirst || metaspace.scheme == .never {
        text.append(" ")
      }
    }
    return String(text)
  }
}

/// `Sequence(Replace…, ByteFallback, Fuse, Strip)` of Llama 2 and its relatives.
struct SentencePieceDecoder: Sendable {
  var replacements: [(pattern: [UInt8], content: [UInt8])] = []
  var joinsByteTokens = false
  var strips: (content: Unicode.Scalar, count: Int)?

  init(_ nodes: [DecoderNode], file: String) throws(TokenizerError) {
    var step = 0
    for node in nodes {
      let (place, isAllowed): (Int, Bool) =
        switch node {
        case .replace: (1, step <= 1)
        case .byteFallback: (2, step < 2)
        case .fuse: (3, step < 3)
        case .stripStart: (4, step == 3)
        case .byteLevel, .metaspace: (5, false)
        }
      guard isAllowed else {
        throw .unsupported(
          file: file, path: "$.decoder", feature: "this order of decoders",
          supported: "ByteLevel, Metaspace, or Replace, ByteFallback, Fuse, Strip in this order")
      }
      step = place
      switch node {
      case .replace(let pattern, let content):
        replacements.append((Array(pattern.utf8), Array(content.utf8)))
      case .byteFallback: joinsByteTokens = true
      case .stripStart(let content, let count): strips = (content, count)
      case .fuse, .byteLevel, .metaspace: break
      }
    }
  }

  func text(of tokens: [String]) -> String {
    var result: [UInt8] = []
    var run: [UInt8] = []
    for token in tokens {
      let text = replaced(token)
      if joinsByteTokens, let byte = Self.byte(of: text) {
        run.append(byte)
      } else {
        result += Self.decoded(run: run)
        run.removeAll()
        result += text
      }
    }
    result += Self.decoded(run: run)
    return stripped(String(decoding: result, as: UTF8.self))
  }

  func replaced(_ token: String) -> [UInt8] {
    replacements.reduce(Array(token.utf8)) { replacing($1.pattern, with: $1.content, in: $0) }
  }

  func stripped(_ text: String) -> String {
    guard let strips else { return text }
    let start = text.unicodeScalars.prefix(strips.count).prefix { $0 == strips.content }.endIndex
    return String(text.unicodeScalars[start...])
  }

  /// The byte that a token like `<0x0A>` stands for.
  static func byte(of token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }

  /// Byte tokens in a row are text when they are UTF-8 together; if not, each is a replacement character.
  static func decoded(run: [UInt8]) -> [UInt8] {
    if String(validating: run, as: UTF8.self) != nil { return run }
    return run.flatMap { _ in "\u{fffd}".utf8 }
  }
}
