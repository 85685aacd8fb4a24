#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that appears whole or not at all: written under a temporary name in the target's folder, forced to
/// the disk, and renamed over the target. Until `commit`, and if it fails, the target is untouched; a file
/// that is dropped without `commit` is removed.
public final class AtomicFile {
  public let path: String
  private let folder: Substring
  private let temporaryPath: String
  private var descriptor: Int32
  /// Renamed or removed: nothing of ours lies beside the target.
  private var isOver = false

  public init(_ path: String) throws(FileError) {
    self.path = path
    let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    folder = path[..<name]
    // Hidden; with the process and a number in its name, so that two writers don't meet.
    temporaryPath = "\(folder).\(path[name...]).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let error = FileError.last("create", path)
      isOver = true
      throw error
    }
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
    guard rename(temporaryPath, path) == 0 else { throw failure("rename a finished file to") }
    isOver = true
    // The name is in the folder: without this a power cut could lose it. Some file systems refuse; harmless.
    let handle = open(folder.isEmpty ? "." : String(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if handle >= 0 {
      fsync(handle)
      close(handle)
    }
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

  /// Writes `bytes` to `path`, whole or not at all.
  public static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
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
