import Glibc

/// Why a file couldn't be made, read or written.
public struct FileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The attempt: `create`, `write`.
  public let operation: String
  public let path: String
  /// The system's message: `No space left on device`.
  public let reason: String

  public init(operation: String, path: String, reason: String) {
    self.operation = operation
    self.path = path
    self.reason = reason
  }

  init(_ operation: String, _ path: String, code: Int32) {
    self.init(operation: operation, path: path, reason: String(cString: strerror(code)))
  }

  /// Returns the error of `errno`.
  public static func last(_ operation: String, _ path: String) -> FileError {
    FileError(operation, path, code: errno)
  }

  public var description: String { "can't \(operation) \(path): \(reason)" }
}
