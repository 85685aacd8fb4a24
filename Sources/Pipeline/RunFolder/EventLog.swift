import Files
import Foundation
import JSON
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What happened in a run, in order: one JSON object a line, on disk as soon as it is logged.
public final class EventLog: Sendable {
  public let path: String
  private let descriptor: Int32
  private let started: ContinuousClock.Instant
  // Lines of two threads must not mix.
  private let writing = Mutex(())

  /// Opens the log at `path`; lines are added at its end.
  public init(path: String) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .last("open", path) }
    self.path = path
    self.descriptor = descriptor
    started = .now
  }

  deinit { close(descriptor) }

  /// Adds a line with the time, the seconds since the log was opened, the event's name and `fields`.
  public func log(_ event: String, _ fields: JSONObject = [:]) throws(FileError) {
    let elapsed = ContinuousClock.now - started
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    var line: JSONObject = [
      "time": .string(RunTime.text(Date())), "seconds": .number((seconds * 1000).rounded() / 1000),
      "event": .string(event),
    ]
    for member in fields.members { line[member.key] = member.value }
    let bytes = Array((JSONValue.object(line).compact + "\n").utf8)
    // `Mutex.withLock` throws untyped errors only, hence the Result.
    let outcome = writing.withLock { _ -> Result<Void, FileError> in
      do throws(FileError) {
        return .success(
          try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
            try writeAll(UnsafeRawBufferPointer(bytes), to: descriptor, path: path)
          })
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }
}

/// Moments as they stand in a run's records: ISO 8601, UTC, milliseconds.
enum RunTime {
  static func text(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
