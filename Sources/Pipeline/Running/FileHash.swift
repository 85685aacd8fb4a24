import Crypto
import Files
import Foundation

/// What tells whether a file is the one that a run was made with.
enum FileHash {
  /// Hexadecimal SHA-256 of a file's bytes, read in pieces.
  static func sha256(_ path: String) throws(FileError) -> String {
    let handle = FileHandle(fileDescriptor: try ReadableFile.open(path), closeOnDealloc: true)
    defer { try? handle.close() }
    var hash = SHA256()
    do {
      while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(data: piece) }
    } catch {
      throw FileError(operation: "read", path: path, reason: error.localizedDescription)
    }
    return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func size(_ path: String) throws(FileError) -> Int {
    do {
      return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    } catch {
      throw FileError(operation: "read", path: path, reason: error.localizedDescription)
    }
  }

  /// Bytes of all files below a folder.
  static func sizeOfFolder(_ path: String) throws(FileError) -> Int {
    var total = 0
    for name in (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? [] {
      var isFolder: ObjCBool = false
      let place = path + "/" + name
      guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder), !isFolder.boolValue else {
        continue
      }
      total += try size(place)
    }
    return total
  }
}
