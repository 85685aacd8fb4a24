import Glibc

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

  init(_ operation: String, _ path: String, code: Int32) {
    self.init(operation: operation, path: path, reason: String(cString: strerror(code)))
  }

  /// The reason that `errno` has now.
  public static func last(_ operation: String, _ path: String) -> FileError {
    FileError(operation, path, code: errno)
  }

  public var description: String { "can't \(operation) \(path): \(reason)" }
}
