import Foundation

/// A file mapped into memory for reading. The mapping lives as long as this object; the pages are the
/// kernel's to drop, so that a checkpoint larger than memory can be read.
///
/// A file that another process truncates while it is mapped is outside of what can be checked here.
final class MappedFile: @unchecked Sendable {  // immutable: the bytes are mapped read-only
  let path: String
  let bytes: UnsafeRawBufferPointer

  init(_ path: String) throws(CheckpointError) {
    self.path = path
    let descriptor = path.withCString { Foundation.open($0, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw .cannotRead(file: path, reason: reason(errno)) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .cannotRead(file: path, reason: reason(errno)) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw .cannotRead(file: path, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .cannotRead(file: path, reason: reason(errno))
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
  }

  /// Takes pages out of this process's memory; the kernel reads them again, from its cache or the disk, when they are
  /// touched.
  func release(_ range: Range<Int>) {
    guard let start = bytes.baseAddress, range.upperBound <= bytes.count else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (range.lowerBound + page - 1) / page * page
    let end = range.upperBound == bytes.count ? bytes.count : range.upperBound / page * page
    guard page > 0, first < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: start + first), end - first, MADV_DONTNEED)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }
}

/// What the system says about an error number.
func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
