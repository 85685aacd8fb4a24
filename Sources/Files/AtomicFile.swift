import Glibc

/// A file that appears whole or not at all. It is written under a temporary name in the target's folder, forced to the
/// disk, and renamed over the target. Before `commit`, and if that fails, the target is untouched. A file that is
/// dropped without `commit` is removed.
///
/// Only regular files are replaced. A link stays a link, and its target is replaced. The permissions stay.
public final class AtomicFile {
  public let path: String
  /// The end of the links from `path`.
  private let target: String
  private let temporaryPath: String
  private var descriptor: Int32
  /// Whether the temporary file is renamed or removed.
  private var isOver = false

  /// - Throws: also if `path` is no regular file, but a device or the like.
  public init(_ path: String) throws(FileError) {
    guard case .file(let target) = WritePlace(path) else {
      throw FileError(operation: "replace", path: path, reason: "it is no regular file")
    }
    self.path = path
    self.target = target
    temporaryPath = Folder.hiddenName(beside: target)
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let error = FileError.last("create", path)
      isOver = true
      throw error
    }
    takePermissions()
  }

  /// Takes over the old file's permissions: a private file stays private.
  private func takePermissions() {
    var old = stat()
    guard stat(target, &old) == 0, old.st_mode & S_IFMT == S_IFREG else { return }
    // Only root gives files away. For others the new file is the writer's.
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

  /// Forces the bytes to the disk. If several files belong together, call it for each before any `commit`.
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

  /// Writes `bytes` to `path`. A regular file is written whole or not at all. A device, a FIFO or a descriptor
  /// (`/dev/stdout`) is written to.
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
    // A failure leaves no temporary file: it is removed with the object.
    try writeAll(bytes, to: file.descriptor, at: 0, path: path)
    try file.synchronize()
    try file.commit()
  }

  public static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }
}
