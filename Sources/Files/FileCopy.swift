import Glibc

/// Copies a file whole, or tells why not.
extension AtomicFile {
  /// Why a source can't be copied.
  public enum CopyRefusal: Sendable, Equatable, CustomStringConvertible {
    case unreadable(reason: String)
    case noRegularFile
    case tooLarge(limit: Int)

    public var description: String {
      switch self {
      case .unreadable(let reason): "it can't be read: \(reason)"
      case .noRegularFile: "it is no regular file"
      case .tooLarge(let limit): "it has more than \(limit >> 20) MiB"
      }
    }
  }

  /// Copies a regular file, whole or not at all. It waits for nobody: a pipe without a writer is refused.
  /// - Parameter limit: the largest number of bytes to copy.
  /// - Returns: nil once the copy is on the disk, else the reason.
  /// - Throws: if the copy can't be written.
  public static func copy(
    from source: String, to path: String, atMost limit: Int
  ) throws(FileError) -> CopyRefusal? {
    let descriptor = open(source, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { return .unreadable(reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return .noRegularFile }
    guard status.st_size <= limit else { return .tooLarge(limit: limit) }
    let file = try AtomicFile(path)
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { piece.deallocate() }
    var done = 0
    while true {
      let count = read(descriptor, piece.baseAddress, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { return .unreadable(reason: String(cString: strerror(errno))) }
      if count == 0 { break }
      // The file may have grown.
      guard done <= limit - count else { return .tooLarge(limit: limit) }
      try file.write(UnsafeRawBufferPointer(rebasing: piece[..<count]), at: done)
      done += count
    }
    try file.synchronize()
    try file.commit()
    return nil
  }
}
