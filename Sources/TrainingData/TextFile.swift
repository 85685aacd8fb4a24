import Files
import Foundation

/// A mapped text file and the offsets of its documents. Documents are decoded on demand.
final class TextFile: Sendable {
  let path: String
  private let file: MappedFile
  /// The bytes between documents; nil if the file is one document.
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

  /// The end of the document that starts at `start`.
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
    throw .notUTF8(path: path, byte: starts[index] + TextEncoding.validLength(of: bytes))
  }

  /// The line on which a document starts. Errors name it.
  func line(of index: Int) -> Int {
    file.withBytes { bytes in 1 + bytes[..<starts[index]].count { $0 == 0x0A } }
  }
}
