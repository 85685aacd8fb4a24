import Glibc

/// Reads the files that a user names. No call waits for a program at the other end of a FIFO. Devices, sockets and
/// folders are refused.
public enum ReadableFile {
  /// Opens a regular file, also through links. The caller closes the descriptor.
  public static func open(_ path: String) throws(FileError) -> Int32 {
    try refuse(unless: try mode(of: path) & S_IFMT == S_IFREG, path)
    let descriptor = try openAtOnce(path)
    // It may be another file by now.
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileError(operation: "read", path: path, reason: "it is not a regular file")
    }
    return descriptor
  }

  /// Returns all bytes of a regular file.
  public static func bytes(of path: String) throws(FileError) -> [UInt8] {
    let descriptor = try open(path)
    defer { close(descriptor) }
    return try Reading(descriptor: descriptor, path: path).toEnd()
  }

  /// Returns all bytes of a regular file or a stream: a pipe such as a shell's `<(command)`, a FIFO that somebody writes
  /// to, standard input, a terminal.
  public static func bytesOfFileOrStream(_ path: String) throws(FileError) -> [UInt8] {
    switch try mode(of: path) & S_IFMT {
    case S_IFIFO, S_IFCHR: break
    default: return try bytes(of: path)
    }
    let descriptor = try openAtOnce(path)
    defer { close(descriptor) }
    let reading = Reading(descriptor: descriptor, path: path)
    if isatty(descriptor) == 1 {
      reading.waits()
      return try reading.toEnd()
    }
    try refuse(unless: try mode(of: path) & S_IFMT == S_IFIFO, path)
    return try reading.stream()
  }

  private static func mode(of path: String) throws(FileError) -> mode_t {
    var status = stat()
    guard stat(path, &status) == 0 else { throw .last("read", path) }
    return status.st_mode
  }

  /// Opens without waiting for a FIFO's writer, which O_NONBLOCK does. It means nothing for regular files.
  private static func openAtOnce(_ path: String) throws(FileError) -> Int32 {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw .last("read", path) }
    return descriptor
  }

  private static func refuse(unless isRight: Bool, _ path: String) throws(FileError) {
    if isRight { return }
    let kind =
      switch try mode(of: path) & S_IFMT {
      case S_IFIFO: ", but a FIFO"
      case S_IFSOCK: ", but a socket"
      case S_IFCHR, S_IFBLK: ", but a device"
      default: ""
      }
    throw FileError(operation: "read", path: path, reason: "it is not a regular file\(kind)")
  }
}

/// Reads an open descriptor to its end.
private struct Reading {
  let descriptor: Int32
  let path: String

  /// The limit of a stream, in bytes.
  static let mostOfStream = 4 << 30
  /// How long a FIFO may be without a writer, in milliseconds.
  static let patience: Int32 = 5000

  func waits() {
    let flags = fcntl(descriptor, F_GETFL)
    if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
  }

  func toEnd() throws(FileError) -> [UInt8] {
    var status = stat()
    var bytes: [UInt8] = []
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
      bytes.reserveCapacity(Int(status.st_size))
    }
    while true {
      let count = try piece(into: &bytes)
      if count == 0 { return bytes }
      if count < 0 { throw .last("read", path) }
    }
  }

  /// Reads until the last writer is gone.
  func stream() throws(FileError) -> [UInt8] {
    var bytes: [UInt8] = []
    var hadWriter = false
    while true {
      let count = try piece(into: &bytes)
      if count > 0 {
        hadWriter = true
        guard bytes.count <= Self.mostOfStream else {
          throw failure("more than 4 GiB came out of it; write it to a file first")
        }
      } else if count < 0 {
        guard errno == EAGAIN || errno == EWOULDBLOCK else { throw .last("read", path) }
        hadWriter = true
        _ = wait(-1)
      } else {
        // Without a writer so far this is not the end: one may still come.
        if hadWriter { return bytes }
        guard wait(Self.patience) else { throw failure("it is a FIFO, and nobody writes to it") }
        hadWriter = true
      }
    }
  }

  private func wait(_ milliseconds: Int32) -> Bool {
    var one = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while true {
      let ready = poll(&one, 1, milliseconds)
      if ready < 0, errno == EINTR { continue }
      return ready > 0
    }
  }

  /// Appends what there is. Returns what `read` returns.
  private func piece(into bytes: inout [UInt8]) throws(FileError) -> Int {
    let size = 1 << 16
    var answer = 0
    let piece = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      repeat { answer = read(descriptor, buffer.baseAddress, size) } while answer < 0 && errno == EINTR
      count = max(0, answer)
    }
    bytes.append(contentsOf: piece)
    return answer
  }

  private func failure(_ reason: String) -> FileError {
    FileError(operation: "read", path: path, reason: reason)
  }
}
