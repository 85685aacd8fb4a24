/// Decodes a generated text token by token. Bytes of an incomplete character wait for the next token.
///
/// The pieces together equal the result of `Tokenizer.decode`, except for a row of SentencePiece byte tokens that is not
/// UTF-8 as a whole. `decode` makes only replacement characters of it; here complete characters come before them.
public struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skipsSpecialTokens: Bool
  private var waiting: [UInt8] = []
  private var isAtStart = true
  /// The number of characters that still have to be stripped from the start of the text.
  private var stripsLeft: Int

  init(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool) {
    self.tokenizer = tokenizer
    self.skipsSpecialTokens = skipsSpecialTokens
    stripsLeft =
      if case .sentencePiece(let decoder) = tokenizer.decoder { decoder.strips?.count ?? 0 } else { 0 }
  }

  /// Returns the text that this token completes; empty if it completes none. Unknown ids are skipped.
  public mutating func append(_ id: Int32) -> String {
    guard let token = tokenizer.decodedToken(id, skipsSpecialTokens: skipsSpecialTokens) else { return "" }
    defer { isAtStart = false }
    switch tokenizer.decoder {
    case .spaced: return isAtStart ? token : " " + token
    case .metaspace(let metaspace): return TokenDecoder.plain(token, metaspace, isFirst: isAtStart)
    case .byteLevel:
      waiting += ByteAlphabet.bytes(of: token) ?? Array(token.utf8)
      let complete = waiting.count - Self.incompleteTail(of: waiting)
      defer { waiting.removeFirst(complete) }
      return String(decoding: waiting[..<complete], as: UTF8.self)
    case .sentencePiece(let decoder):
      let text = decoder.replaced(token)
      if decoder.joinsByteTokens, let byte = SentencePieceDecoder.byte(of: text) {
        waiting.append(byte)
        guard String(validating: waiting, as: UTF8.self) != nil else { return "" }
        return stripped(takeWaiting(), decoder)
      }
      return stripped(takeWaiting() + text, decoder)
    }
  }

  /// Returns the waiting bytes when no more tokens come. Incomplete characters become replacement characters.
  public mutating func finish() -> String {
    switch tokenizer.decoder {
    case .sentencePiece(let decoder): return stripped(takeWaiting(), decoder)
    case .byteLevel, .metaspace, .spaced:
      defer { waiting.removeAll() }
      return String(decoding: waiting, as: UTF8.self)
    }
  }

  private mutating func takeWaiting() -> [UInt8] {
    defer { waiting.removeAll() }
    return SentencePieceDecoder.decoded(run: waiting)
  }

  private mutating func stripped(_ bytes: [UInt8], _ decoder: SentencePieceDecoder) -> String {
    let text = String(decoding: bytes, as: UTF8.self).unicodeScalars
    let stripped = text.prefix(stripsLeft).prefix { $0 == decoder.strips?.content }
    stripsLeft = stripped.endIndex == text.endIndex ? stripsLeft - stripped.count : 0
    return String(text[stripped.endIndex...])
  }

  /// The number of bytes at the end that begin a character whose other bytes may still come.
  static func incompleteTail(of bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xc0 == 0x80 { continue }
      let expected = lead < 0xc2 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 1
      guard length < expected else { return 0 }
      // Of a sequence that can still be completed, decoding makes one replacement character; of one whose
      // second byte is out of its range, several.
      return String(decoding: bytes.suffix(length), as: UTF8.self).unicodeScalars.count == 1 ? length : 0
    }
    return 0
  }
}
