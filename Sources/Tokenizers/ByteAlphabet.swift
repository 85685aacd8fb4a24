/// GPT-2's alphabet: a printable character for each byte, so that tokens are text. Printable Latin-1 stands for itself.
/// The other bytes take the code points from U+0100 on, in order.
/// https://github.com/openai/gpt-2/blob/master/src/encoder.py#L9
enum ByteAlphabet {
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7e, 0xa1...0xac, 0xae...0xff: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "?"
      }
    }
  }()

  /// By code point; nil where the alphabet has none.
  private static let bytes: [UInt8?] = {
    var result: [UInt8?] = Array(repeating: nil, count: 0x100 + 0x44)
    for (byte, scalar) in scalars.enumerated() { result[Int(scalar.value)] = UInt8(byte) }
    return result
  }()

  /// The bytes that a token stands for, or nil when one of its characters is not in the alphabet.
  static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard scalar.value < bytes.count, let byte = bytes[Int(scalar.value)] else { return nil }
      result.append(byte)
    }
    return result
  }
}
