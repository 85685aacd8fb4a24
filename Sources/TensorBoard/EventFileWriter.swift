import Files
import Glibc

/// A file that TensorBoard shows while it grows (`tensorboard --logdir` of its folder or of one above).
///
/// Each value is handed to the system, whole, before its call returns: a process that dies leaves no half record, and
/// loses none. A run that goes on opens a writer in the same folder; TensorBoard joins the files.
///
/// Not for use from several threads at once.
public final class EventFileWriter {
  public let path: String
  private let descriptor: Int32
  /// Of the whole records, in bytes.
  private var length = 0

  /// Opens a new file in `directory`, which is made if it isn't there, though nothing above it.
  /// - Parameters:
  ///   - wallTime: now, in seconds since 1970. It is in the file's name: TensorBoard reads a run's files in the
  ///     order of their names.
  ///   - resumingAt: the first step that will be written, if an earlier writer of this folder may have gone beyond:
  ///     what it said of this and later steps is dropped by TensorBoard.
  /// - Throws: `EventFileError`.
  public init(directory: String, wallTime: Double, resumingAt: Int64? = nil) throws(EventFileError) {
    // Ten digits, which last until 2286: names are compared as text.
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

  /// Forces what was written to the disk, so that it outlives the machine's power too.
  /// - Throws: `EventFileError`.
  public func flush() throws(EventFileError) {
    guard fsync(descriptor) == 0 else { throw .file(.last("write", path)) }
  }

  private func append(_ event: Event) throws(EventFileError) {
    let record = TFRecord.framing(event.bytes)
    do {
      try record.withUnsafeBufferPointer { (bytes) throws(FileError) in
        try writeAll(UnsafeRawBufferPointer(bytes), to: descriptor, at: length, path: path)
      }
    } catch {
      // A reader would stop at half a record, and never see those that come after it.
      ftruncate(descriptor, off_t(length))
      throw .file(error)
    }
    length += record.count
  }

  /// A file that wasn't there before: of the same second, process and machine there may be several.
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
    var name = [CChar](repeating: 0, count: 256)
    let status = gethostname(&name, name.count - 1)
    let bytes = name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    let letters = String(decoding: bytes, as: UTF8.self).map { letter in
      letter.isASCII && (letter.isLetter || letter.isNumber || letter == "-") ? letter : "_"
    }
    return status == 0 && !letters.isEmpty ? String(letters) : "unknown"
  }
}
