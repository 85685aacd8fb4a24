import Glibc
import Processes

/// A file mapped into memory for reading. The mapping lives as long as this object. The kernel may drop its pages, so
/// that a checkpoint larger than memory can be read.
///
/// Another process may make the file shorter. Touching a lost page then ends this process with a message that names the
/// file (`ap_mapping_add`).
public final class MappedFile: @unchecked Sendable {  // immutable: the bytes are mapped read-only
  public let path: String
  public let bytes: UnsafeRawBufferPointer
  /// The file's state when it was mapped.
  private let status: stat
  private let place: Int32

  public init(_ path: String) throws(FileError) {
    self.path = path
    let descriptor = try ReadableFile.open(path)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last("read", path) }
    self.status = status
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      place = -1
      return
    }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .last("read", path)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
    place = ap_mapping_add(start, size, path)
  }

  /// Calls `body` with the bytes, which are valid within it.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(self) { try body(bytes) }
  }

  /// Drops pages from this process's memory. The kernel reads them again when they are touched.
  public func release(_ range: Range<Int>) {
    guard let start = bytes.baseAddress, range.upperBound <= bytes.count else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    guard page > 0, first < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
  }

  /// - Throws: if somebody wrote to the file since it was mapped, as its size or time of change tell. If it was replaced
  ///   or removed, the mapping still has the old content.
  public func requireUnchanged() throws(FileError) {
    var now = stat()
    guard stat(path, &now) == 0, now.st_dev == status.st_dev, now.st_ino == status.st_ino else { return }
    guard now.st_size == status.st_size, now.st_mtim.tv_sec == status.st_mtim.tv_sec,
      now.st_mtim.tv_nsec == status.st_mtim.tv_nsec
    else {
      throw FileError(
        operation: "go on with", path: path,
        reason: "somebody wrote to it while it was in use, so what was made of it is no model of anything")
    }
  }

  deinit {
    if let start = bytes.baseAddress {
      ap_mapping_remove(place)
      munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }
  }
}
