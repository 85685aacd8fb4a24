import Crypto
import Files
import Foundation

/// Hashes and sizes of files, by which a run recognises its inputs.
enum FileHash {
  /// Returns the SHA-256 of a file in hexadecimal. The file is read in pieces.
  static func sha256(_ path: String) throws(FileError) -> String {
    let handle = FileHandle(fileDescriptor: try ReadableFile.open(path), closeOnDealloc: true)
    defer { try? handle.close() }
    var hash = SHA256()
    do {
      while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(data: piece) }
    } catch {
      throw FileError(operation: "read", path: path, reason: error.localizedDescription)
    }
    return hexadecimal(hash.finalize())
  }

  static func sha256(of text: String) -> String { hexadecimal(SHA256.hash(data: Data(text.utf8))) }

  private static func hexadecimal(_ digest: SHA256Digest) -> String {
    digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func size(_ path: String) throws(FileError) -> Int {
    do {
      return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    } catch {
      throw FileError(operation: "read", path: path, reason: error.localizedDescription)
    }
  }

  /// Returns the bytes of all files below a folder.
  static func sizeOfFolder(_ path: String) throws(FileError) -> Int {
    var total = 0
    for name in (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? [] {
      let place = path + "/" + name
      if FileManager.default.fileExists(atPath: place), !Folder.exists(place) { total += try size(place) }
    }
    return total
  }
}

extension Folder {
  /// Whether a folder, or a link to one, is at the path.
  package static func exists(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
