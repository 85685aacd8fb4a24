import Glibc

/// A file that appears whole or not at all: written under a temporary name in the target's folder, forced to
/// the disk, and renamed over the target. Until `commit`, and if it fails, the target is untouched; a file
/// that is dropped without `commit` is removed.
///
/// Only regular files are replaced. A link keeps being one: what it names is replaced, or made. The new file has the old
/// one's permissions.
public final class AtomicFile {
  public let path: String
  /// Where links lead from `path`.
  private let target: String
  private let temporaryPath: String
  private var descriptor: Int32
  /// Renamed or removed: nothing of ours lies beside the target.
  private var isOver = false

  /// - Throws: also if there is something at `path` that is no regular file, such as a device.
  public init(_ path: String) throws(FileError) {
    guard case .file(let target) = WritePlace(path) else {
      throw FileError(operation: "replace", path: path, reason: "it is no regular file")
    }
    self.path = path
    self.target = target
    let name = target.lastIndex(of: "/").map { target.index(after: $0) } ?? target.startIndex
    // Hidden; with the process and a number in its name, so that two writers don't meet.
    temporaryPath =
      "\(target[..<name]).\(target[name...]).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let error = FileError.last("create", path)
      isOver = true
      throw error
    }
    takePermissions()
  }

  /// A file that only its owner may read is not opened to others by being written anew.
  private func takePermissions() {
    var old = stat()
    guard stat(target, &old) == 0, old.st_mode & S_IFMT == S_IFREG else { return }
    // Nobody but root gives files away; then the new one is the writer's.
    if fchown(descriptor, old.st_uid, old.st_gid) != 0 { fchown(descriptor, uid_t.max, old.st_gid) }
    fchmod(descriptor, old.st_mode & 0o777)
  }

  deinit { discard() }

  /// Writes all bytes at `offset` of the file.
  public func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
    do {
      try writeAll(bytes, to: descriptor, at: offset, path: path)
    } catch {
      discard()
      throw error
    }
  }

  /// Forces the bytes to the disk. Of several files that belong together, done for each before any gets its name.
  public func synchronize() throws(FileError) {
    guard descriptor >= 0 else {
      throw FileError(operation: "finish", path: path, reason: "it was given up before")
    }
    guard fsync(descriptor) == 0 else { throw failure("write") }
    let result = close(descriptor)
    descriptor = -1
    // Network file systems report a full disk here.
    guard result == 0 else { throw failure("write") }
  }

  /// Gives the synchronised file its name.
  public func commit() throws(FileError) {
    guard rename(temporaryPath, target) == 0 else { throw failure("rename a finished file to") }
    isOver = true
    try Folder.synchronize(Folder.parent(of: target))
  }

  /// Removes the temporary file.
  public func discard() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    if !isOver { unlink(temporaryPath) }
    isOver = true
  }

  private func failure(_ operation: String) -> FileError {
    let error = FileError.last(operation, path)
    discard()
    return error
  }

  /// Writes `bytes` to `path`, whole or not at all where that is a regular file or nothing. A device, a FIFO or a
  /// descriptor (`/dev/stdout`) is written to.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    switch WritePlace(path) {
    case .file: break
    case .descriptor(let descriptor):
      try writeStream(bytes, to: descriptor, path: path)
      return
    case .stream(let place):
      let descriptor = open(place, O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .last("open", path) }
      do {
        try writeStream(bytes, to: descriptor, path: path)
      } catch {
        close(descriptor)
        throw error
      }
      guard close(descriptor) == 0 else { throw .last("write", path) }
      return
    }
    let file = try AtomicFile(path)
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
      try file.write(UnsafeRawBufferPointer(bytes), at: 0)
    }
    try file.synchronize()
    try file.commit()
  }

  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }
}
