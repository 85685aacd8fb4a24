#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that couldn't be made.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was tried: `write`, `rename`.
  public let operation: String
  public let path: String
  /// In the system's words: `No space left on device`.
  public let reason: String

  public init(operation: String, path: String, reason: String) {
    self.operation = operation
    self.path = path
    self.reason = reason
  }

  /// The reason that `errno` has now.
  static func last(_ operation: String, _ path: String) -> FileError {
    FileError(operation: operation, path: path, reason: String(cString: strerror(errno)))
  }

  public var description: String { "can't \(operation) \(path): \(reason)" }
}

/// Writes whole files: whoever looks sees the old file or the new one, never half of one.
public enum AtomicFile {
  /// Writes beside `path`, waits for the disk, and renames. On failure nothing is left behind.
  public static func write(_ bytes: some Collection<UInt8>, to path: String) throws(FileError) {
    // Hidden, and with the process in its name: two runs don't meet.
    let cut = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let beside = "\(path[..<cut]).\(path[cut...]).\(getpid()).partial"
    let descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .last("create", path) }
    do throws(FileError) {
      do throws(FileError) {
        try FileDescriptors.write(bytes, to: descriptor, path: path)
        guard fsync(descriptor) == 0 else { throw .last("write", path) }
      } catch {
        close(descriptor)
        throw error
      }
      // Network file systems report a full disk here.
      guard close(descriptor) == 0 else { throw .last("write", path) }
      guard rename(beside, path) == 0 else { throw .last("rename a finished file to", path) }
    } catch {
      unlink(beside)
      throw error
    }
  }

  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }
}

enum FileDescriptors {
  /// Writes all bytes, however few the system takes at once.
  static func write(
    _ bytes: some Collection<UInt8>, to descriptor: Int32, path: String
  ) throws(FileError) {
    let all = Array(bytes)
    var done = 0
    while done < all.count {
      let written = all[done...].withUnsafeBytes { unistdWrite(descriptor, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw .last("write", path) }
      done += written
    }
  }

  private static func unistdWrite(_ descriptor: Int32, _ start: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, start, count)
    #else
      Darwin.write(descriptor, start, count)
    #endif
  }
}
