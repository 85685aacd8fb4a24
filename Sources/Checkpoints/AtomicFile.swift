import Foundation

/// A file that appears whole or not at all: written under a temporary name in the target's folder, forced to
/// the disk, and renamed over the target. Until `commit`, and if it fails, the target is untouched; a file
/// that is dropped without `commit` is removed.
final class AtomicFile {
  let path: String
  private let temporaryPath: String
  private var descriptor: Int32

  init(_ path: String) throws(CheckpointError) {
    self.path = path
    temporaryPath = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
    descriptor = temporaryPath.withCString {
      Foundation.open($0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    }
    guard descriptor >= 0 else {
      throw .cannotWrite(file: path, action: "creating a file beside it", reason: reason(errno))
    }
  }

  deinit { discard() }

  /// Writes all bytes at `offset` of the file.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(CheckpointError) {
    var done = 0
    while done < bytes.count {
      let written = pwrite(
        descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(offset + done))
      if written < 0, errno == EINTR { continue }
      guard written > 0 else {
        let cause = written == 0 ? "no bytes were taken" : reason(errno)
        discard()
        throw .cannotWrite(
          file: path, action: "writing \(bytes.count) bytes at \(offset)", reason: cause)
      }
      done += written
    }
  }

  /// Forces the bytes to the disk. Done for each shard before any of them gets its name.
  func synchronize() throws(CheckpointError) {
    guard descriptor >= 0, fsync(descriptor) == 0 else { throw failure("fsync") }
    let result = close(descriptor)
    descriptor = -1
    guard result == 0 else { throw failure("closing") }
  }

  /// Gives the synchronised file its name.
  func commit() throws(CheckpointError) {
    guard rename(temporaryPath, path) == 0 else { throw failure("renaming") }
    // The name is in the folder: without this a power cut could lose it. Some file systems refuse; harmless.
    let folder = (path as NSString).deletingLastPathComponent
    let handle = Foundation.open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if handle >= 0 {
      fsync(handle)
      close(handle)
    }
    isCommitted = true
  }

  /// Removes the temporary file.
  func discard() {
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
    if !isCommitted { unlink(temporaryPath) }
    isCommitted = true
  }

  private var isCommitted = false

  private func failure(_ action: String) -> CheckpointError {
    let cause = descriptor < 0 && errno == 0 ? "the file was given up before" : reason(errno)
    discard()
    return .cannotWrite(file: path, action: action, reason: cause)
  }

  /// Writes `bytes` to `path`, whole or not at all.
  static func write(_ bytes: [UInt8], to path: String) throws(CheckpointError) {
    let file = try AtomicFile(path)
    try bytes.withUnsafeBufferPointer { buffer throws(CheckpointError) in
      try file.write(UnsafeRawBufferPointer(buffer), at: 0)
    }
    try file.synchronize()
    try file.commit()
  }
}
