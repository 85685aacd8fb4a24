import Files
import Glibc

/// Writes a file that TensorBoard shows while it grows (`tensorboard --logdir` of its folder or of one above).
///
/// Each value is written whole before its call returns: a process that dies leaves no half record, and loses none. A run
/// that goes on opens a writer in the same folder, and TensorBoard joins the files.
///
/// Use it from one thread at a time.
public final class EventFileWriter {
  public let path: String
  private let descriptor: Int32
  /// The length of the file, in bytes.
  private var length = 0

  /// Opens a new file in `directory`. The directory is made if its parent exists.
  /// - Parameters:
  ///   - wallTime: now, in seconds since 1970. It is in the file's name, since TensorBoard reads a run's files in the
  ///     order of their names.
  ///   - resumingAt: the first step to write, if an earlier writer may have gone beyond. TensorBoard drops what that one
  ///     wrote from this step on.
  /// - Throws: `EventFileError`.
  public init(directory: String, wallTime: Double, resumingAt: Int64? = nil) throws(EventFileError) {
    // Names are compared as text, so they have ten digits, which last until 2286.
    guard (0..<10_000_000_000).contains(wallTime), let seconds = Int64(exactly: wallTime.rounded(.down))
    else { throw .wallTime(wallTime) }
    if mkdir(directory, 0o777) != 0, errno != EEXIST { throw .file(.last("create", directory)) }
    let digits = "\(seconds)"
    let prefix =
      "\(directory)/events.out.tfevents.\(String(repeating: "0", count: 10 - digits.count))\(digits)"
    (path, descriptor) = try Self.create(prefix + ".\(Self.hostName).\(getpid())")
    try append(Event(wallTime: wallTime, .version))
    if let resumingAt { try append(Event(wallTime: wallTime, step: resumingAt, .start)) }
  }

  deinit { close(descriptor) }

  /// Adds a point to the chart `tag`; slashes in a tag group charts. Values beyond float32's range become infinite.
  /// - Parameter wallTime: in seconds since 1970.
  /// - Throws: `EventFileError`. The file then ends where it did before.
  public func scalar(_ tag: String, _ value: Double, step: Int64, wallTime: Double) throws(EventFileError) {
    guard !tag.isEmpty else { throw .emptyTag(step: step) }
    try append(Event(wallTime: wallTime, step: step, .scalar(tag: tag, value: Float(value))))
  }

  /// Forces the file to the disk, so that a power cut can't lose it.
  /// - Throws: `EventFileError`.
  public func flush() throws(EventFileError) {
    guard fsync(descriptor) == 0 else { throw .file(.last("write", path)) }
  }

  private func append(_ event: Event) throws(EventFileError) {
    let record = TFRecord.framing(event.bytes)
    do {
      try writeAll(record, to: descriptor, at: length, path: path)
    } catch {
      // A reader would stop at half a record.
      ftruncate(descriptor, off_t(length))
      throw .file(error)
    }
    length += record.count
  }

  /// Makes a new file. There may be several of the same second, process and machine.
  private static func create(_ prefix: String) throws(EventFileError) -> (String, Int32) {
    for number in 0..<1000 {
      let path = "\(prefix).\(number)"
      let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if descriptor >= 0 { return (path, descriptor) }
      guard errno == EEXIST else { break }
    }
    throw .file(.last("create", "\(prefix).0"))
  }

  /// The machine's name, in letters that a file's name may have.
  private static var hostName: String {
    let letters = FolderLock.hostName.map { letter in
      letter.isASCII && (letter.isLetter || letter.isNumber || letter == "-") ? letter : "_"
    }
    return letters.isEmpty ? "unknown" : String(letters)
  }
}

/// Why TensorBoard's files can't be written.
public enum EventFileError: Error, Sendable, Equatable, CustomStringConvertible {
  case file(FileError)
  /// A time that can't be in a file's name. TensorBoard sorts a run's files by their names.
  case wallTime(Double)
  /// TensorBoard has no chart without a name.
  case emptyTag(step: Int64)

  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .wallTime(let seconds):
      "can't name an event file by the time \(seconds): expected seconds since 1970, before 2286"
    case .emptyTag(let step): "a value of step \(step) has no tag: expected a name, as train/loss"
    }
  }
}
