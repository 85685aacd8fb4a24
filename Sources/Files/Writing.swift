import Glibc

/// Writes all bytes, however few the system takes at once.
/// - Parameters:
///   - offset: in the file; nil for where the descriptor stands.
///   - path: named in the error.
public func writeAll(
  _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil, path: String
) throws(FileError) {
  let code = codeOfWriting(bytes, to: descriptor, at: offset)
  guard code == 0 else { throw FileError("write", path, code: code) }
}

/// Writes all bytes to what may have a reader: a pipe, a terminal, a device.
/// - Returns: false if the reader has gone away, which is nobody to complain to.
@discardableResult
public func writeStream(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) -> Bool {
  let code = bytes.withUnsafeBytes { codeOfWriting($0, to: descriptor, at: nil) }
  if code == EPIPE { return false }
  guard code == 0 else { throw FileError("write", path, code: code) }
  return true
}

/// - Returns: 0, or `errno` of what could not be written.
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
      // No file takes nothing for ever, and says nothing about why.
      return EIO
    } else if errno == EAGAIN {
      // Somebody else has made the pipe or the terminal one that does not wait.
      var place = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      poll(&place, 1, -1)
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}
