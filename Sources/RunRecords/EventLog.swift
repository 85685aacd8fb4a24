import Files
import Foundation
import JSON
import Synchronization

/// The events of a run: one JSON object a line, on disk as soon as it is logged.
public final class EventLog: Sendable {
  public let path: String
  private let descriptor: Int32
  private let started: ContinuousClock.Instant
  // Keeps lines of two threads apart.
  private let writing = Mutex(())

  /// Opens the log at `path` to add lines. Drops half a line that a killed process left.
  public init(path: String) throws(FileError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .last("open", path) }
    Self.dropHalfLine(descriptor)
    self.path = path
    self.descriptor = descriptor
    started = .now
  }

  deinit { close(descriptor) }

  private static func dropHalfLine(_ descriptor: Int32) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
    var end = Int(status.st_size)
    var piece = [UInt8](repeating: 0, count: 1 << 12)
    while end > 0 {
      let start = max(0, end - piece.count)
      guard pread(descriptor, &piece, end - start, off_t(start)) == end - start else { return }
      if let last = piece[..<(end - start)].lastIndex(of: UInt8(ascii: "\n")) {
        end = start + last + 1
        break
      }
      end = start
    }
    if end < Int(status.st_size) { ftruncate(descriptor, off_t(end)) }
  }

  /// Adds a line: the time, the seconds since the log was opened, the kind, and the members that `fill` sets.
  package func log(_ kind: RunEvent.Kind, _ fill: (inout RunEvent) -> Void = { _ in }) throws(FileError) {
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    let event = RunEvent(kind, at: Date(), seconds: (seconds * 1000).rounded() / 1000, fill)
    let bytes = Array((event.json.compact + "\n").utf8)
    try writing.withLock { (_) throws(FileError) in
      do throws(FileError) {
        try writeAll(bytes, to: descriptor, path: path)
      } catch {
        // The next line must not continue half of this one.
        Self.dropHalfLine(descriptor)
        throw error
      }
    }
  }
}

/// The times of a run's records: ISO 8601, UTC, milliseconds.
enum RunTime {
  static func text(_ date: Date) -> String {
    date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
