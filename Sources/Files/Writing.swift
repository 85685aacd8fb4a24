import Glibc

/// Writes all bytes, even if the system takes few at once.
/// - Parameters:
///   - offset: the place in the file; nil for the descriptor's own.
///   - path: named in the error.
public func writeAll(
  _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil, path: String
) throws(FileError) {
  let code = codeOfWriting(bytes, to: descriptor, at: offset)
  guard code == 0 else { throw FileError("write", path, code: code) }
}

public func writeAll(
  _ bytes: [UInt8], to descriptor: Int32, at offset: Int? = nil, path: String
) throws(FileError) {
  let code = bytes.withUnsafeBytes { codeOfWriting($0, to: descriptor, at: offset) }
  guard code == 0 else { throw FileError("write", path, code: code) }
}

/// Writes all bytes to a pipe, a terminal or a device.
/// - Returns: false if the reader has gone away, which is no error.
@discardableResult
public func writeStream(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) -> Bool {
  let code = bytes.withUnsafeBytes { codeOfWriting($0, to: descriptor, at: nil) }
  if code == EPIPE { return false }
  guard code == 0 else { throw FileError("write", path, code: code) }
  return true
}

/// Returns 0, or `errno`.
private func codeOfWriting(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int?) -> Int32 {
  var done = 0
  while done < bytes.count {
    let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
    let written =
      if let offset { pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + done)) } else {
        write(descriptor, rest.baseAddress, rest.count)
      }
    if written > 0 {
      done += written
    } else if written == 0 {
      // The system took nothing, and gave no reason.
      return EIO
    } else if errno == EAGAIN {
      // Another process has made the pipe or the terminal non-blocking.
      var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&place, 1, -1)
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}
