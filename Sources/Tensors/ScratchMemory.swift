import Glibc

/// Memory backed by a file without a name, for values that are made once and needed much later.
///
/// A piece that is put aside takes no memory of this process until it is touched again. The file's room is taken at once, so
/// that a full disk is an error here and not in the middle of a pass. The file goes with the process, however it ends.
public final class ScratchMemory {
  /// Why the file can't be made.
  public struct Failure: Error, Equatable, CustomStringConvertible {
    public let folder: String
    public let bytes: Int
    /// The system's words.
    public let reason: String

    public var description: String {
      "a scratch file of \(bytes) bytes can't be made in \(folder): \(reason); make room there, or calibrate on fewer tokens"
    }
  }

  private let base: UnsafeMutableRawPointer
  private let bytes: Int
  private let strideBytes: Int
  public let pieces: Int

  /// Makes room for so many pieces of `count` elements, filled with zeros.
  public init(pieces: Int, of count: Int, in folder: String) throws(Failure) {
    let page = Int(getpagesize())
    let (raw, tooMany) = count.multipliedReportingOverflow(by: MemoryLayout<Float>.stride)
    let (padded, tooWide) = raw.addingReportingOverflow(page - 1)
    let (bytes, tooLarge) = (padded / page * page).multipliedReportingOverflow(by: pieces)
    guard !tooMany, !tooWide, !tooLarge, count > 0, pieces > 0 else {
      throw Failure(folder: folder, bytes: .max, reason: "no file is that large")
    }
    func failure(_ code: Int32) -> Failure {
      Failure(folder: folder, bytes: bytes, reason: String(cString: strerror(code)))
    }
    var name = Array((folder + "/.scratch-XXXXXX").utf8CString)
    let file = mkstemp(&name)
    guard file >= 0 else { throw failure(errno) }
    defer { close(file) }
    unlink(name)
    // Where a file system cannot reserve room, posix_fallocate writes it all. So look first whether it is there.
    var system = statvfs()
    if fstatvfs(file, &system) == 0 {
      let (free, isVast) = UInt(system.f_bavail).multipliedReportingOverflow(by: UInt(system.f_frsize))
      if !isVast, free < UInt(bytes) {
        throw Failure(folder: folder, bytes: bytes, reason: "\(free) bytes are free")
      }
    }
    let full = posix_fallocate(file, 0, bytes)
    guard full == 0 else { throw failure(full) }
    guard let base = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), base != MAP_FAILED else {
      throw failure(errno)
    }
    self.base = base
    self.bytes = bytes
    self.pieces = pieces
    strideBytes = padded / page * page
  }

  deinit { munmap(base, bytes) }

  private func start(_ piece: Int) -> UnsafeMutableRawPointer {
    precondition(piece >= 0 && piece < pieces, "there is no piece \(piece) of \(pieces)")
    return base + piece * strideBytes
  }

  /// The address of a piece, aligned to a page.
  public func at(_ piece: Int) -> UnsafeMutablePointer<Float> {
    start(piece).assumingMemoryBound(to: Float.self)
  }

  /// Keeps the piece in the file alone.
  public func putAside(_ piece: Int) { _ = madvise(start(piece), strideBytes, MADV_DONTNEED) }

  /// Starts to read the piece, which will be needed soon.
  public func fetch(_ piece: Int) { _ = madvise(start(piece), strideBytes, MADV_WILLNEED) }

  /// Drops the piece's contents. They are not written to the disk, where the file system can do that.
  public func release(_ piece: Int) {
    if madvise(start(piece), strideBytes, MADV_REMOVE) != 0 { putAside(piece) }
  }
}
