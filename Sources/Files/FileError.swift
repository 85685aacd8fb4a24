#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that couldn't be made or read.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was tried: `create`, `write`.
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
  public static func last(_ operation: String, _ path: String) -> FileError {
    FileError(operation: operation, path: path, reason: String(cString: strerror(errno)))
  }

  public var description: String { "can't \(operation) \(path): \(reason)" }
}

/// Writes all bytes, however few the system takes at once.
/// - Parameters:
///   - offset: in the file; nil for where the descriptor stands.
///   - path: named in the error.
public func writeAll(
  _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil, path: String
) throws(FileError) {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    let written =
      if let offset { pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done)) } else {
        write(descriptor, rest.baseAddress, rest.count)
      }
    if written < 0, errno == EINTR { continue }
    guard written > 0 else { throw .last("write", path) }
    done += written
  }
}
