import Files
import Foundation

/// A text file, mapped, and where its documents start. Nothing of it is decoded before it is asked for.
final class TextFile: Sendable {
  let path: String
  private let file: MappedFile
  /// Between documents; nil where the file is one document.
  private let separator: [UInt8]?
  /// Offsets of the documents that have more than blanks in them.
  private let starts: [Int]

  var count: Int { starts.count }

  /// Maps the file and looks for the separators.
  init(path: String, separator: [UInt8]?) throws(TrainingDataError) {
    self.path = path
    self.separator = separator
    file = try Self.map(path)
    starts = file.withBytes { bytes in
      var starts: [Int] = []
      var start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
      while start < bytes.count {
        let end = Self.end(in: bytes, from: start, separator)
        if bytes[start..<end].contains(where: { !Self.isBlank($0) }) { starts.append(start) }
        start = end + (separator?.count ?? 0)
      }
      return starts
    }
    if starts.isEmpty { throw .empty(path: path) }
  }

  /// What a file is that plainly holds no prose.
  /// - Throws: `.unreadable`.
  static func notProse(path: String) throws(TrainingDataError) -> NotProse? {
    try map(path).withBytes { NotProse(path: path, bytes: $0) }
  }

  /// What a file is that plainly holds no JSON lines.
  /// - Throws: `.unreadable`.
  static func notLines(path: String) throws(TrainingDataError) -> NotProse? {
    try map(path).withBytes { NotProse(insteadOfLines: path, bytes: $0) }
  }

  /// - Throws: `.unreadable`.
  static func map(_ path: String) throws(TrainingDataError) -> MappedFile {
    do {
      return try MappedFile(path)
    } catch {
      let exists = FileManager.default.fileExists(atPath: path)
      throw .unreadable(path: path, reason: exists ? error.reason : "there is no such file")
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// Where the document that starts at `start` ends.
  private static func end(in bytes: UnsafeRawBufferPointer, from start: Int, _ separator: [UInt8]?) -> Int {
    guard let separator, let first = separator.first, let base = bytes.baseAddress else { return bytes.count }
    var place = start
    while place <= bytes.count - separator.count {
      guard let found = memchr(base + place, Int32(first), bytes.count - place) else { break }
      place = UnsafeRawPointer(found) - base
      if bytes[place...].starts(with: separator) { return place }
      place += 1
    }
    return bytes.count
  }

  /// The bytes of a document. `index` is below `count`.
  func bytes(at index: Int) -> [UInt8] {
    file.withBytes { bytes in
      let start = starts[index]
      return Array(bytes[start..<Self.end(in: bytes, from: start, separator)])
    }
  }

  func text(at index: Int) throws(TrainingDataError) -> String {
    let bytes = bytes(at: index)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var offset = 0
    while case .valid(let scalar) = parser.parseScalar(from: &rest) { offset += scalar.count }
    throw .notUTF8(path: path, byte: starts[index] + offset)
  }

  /// The line that a document starts on, counted when it is asked for: in an error.
  func line(of index: Int) -> Int {
    file.withBytes { bytes in 1 + bytes[..<starts[index]].count { $0 == 0x0A } }
  }
}
