import Foundation

/// Reads the bytes of a `plugin.json`. Each command reads all files of the search path, so their size is limited.
enum ManifestFile {
  static let mostBytes = 1 << 20

  static func read(_ path: String) throws(PluginError) -> [UInt8] {
    // Without O_NONBLOCK, a named pipe without a writer would block.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .badManifest(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var state = stat()
    guard fstat(descriptor, &state) == 0, state.st_mode & S_IFMT == S_IFREG else {
      throw .badManifest(path: path, reason: "is no regular file")
    }
    guard state.st_size <= mostBytes else {
      throw .badManifest(path: path, reason: "has \(state.st_size) bytes, and may have \(mostBytes)")
    }
    // One byte more shows whether the file grows meanwhile.
    var bytes = [UInt8](repeating: 0, count: Int(state.st_size) + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(count))
      }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else {
        throw .badManifest(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
      }
      if more == 0 { break }
      count += more
    }
    return Array(bytes[..<count])
  }
}
