import Foundation

/// Checks that a whole file is UTF-8, without decoding its documents.
public enum TextEncoding {
  /// Goes through the file once, in parts.
  /// - Throws: `TrainingDataError.notUTF8` with the first byte that is no part of a character, `TrainingDataError.unreadable`.
  public static func requireUTF8(_ path: String) throws(TrainingDataError) {
    let file = try TextFile.map(path)
    if let byte = file.withBytes(firstInvalidByte) { throw .notUTF8(path: path, byte: byte) }
  }

  private static let part = 1 << 20

  /// The number of bytes before the first that is no part of a character.
  static func validLength(of bytes: some Sequence<UInt8>) -> Int {
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var length = 0
    while case .valid(let scalar) = parser.parseScalar(from: &rest) { length += scalar.count }
    return length
  }

  public static func firstInvalidByte(_ bytes: UnsafeRawBufferPointer) -> Int? {
    var start = 0
    while start < bytes.count {
      var end = min(bytes.count, start + part)
      // A part does not end within a character, whose further bytes begin with the bits 10.
      while end < bytes.count, end > start, bytes[end] & 0xC0 == 0x80 { end -= 1 }
      if end == start { end = min(bytes.count, start + part) }
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      if String(validating: piece, as: UTF8.self) == nil {
        return start + validLength(of: piece)
      }
      start = end
    }
    return nil
  }
}
