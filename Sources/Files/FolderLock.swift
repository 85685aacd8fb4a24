import Glibc
import Synchronization

/// Why a folder can't be worked in.
public enum FolderLockError: Error, Sendable, Equatable, CustomStringConvertible {
  /// - Parameter holder: in words, as `FolderLock` writes them.
  case held(folder: String, holder: String)
  case file(FileError)

  public var description: String {
    switch self {
    case .held(let folder, let holder):
      "\(folder) is in use by \(holder); wait until that has ended, or choose another folder"
    case .file(let error): error.description
    }
  }
}

/// A folder that one process works in, for as long as this object is there. The system ends the lock with the process,
/// however that ends.
///
/// It is fcntl's lock on a file in the folder, which says in words who holds it. No process that this one starts or forks
/// into has it. A holder that is killed leaves the file behind, without a lock.
public final class FolderLock: Sendable {
  public static let fileName = ".lock"

  /// Why others aren't kept out; nil: they are. Some network file systems have no locks.
  public let doubt: String?
  /// What a process that was killed here left in the file; nil: nothing.
  public let leftBehind: String?
  private let path: String
  private let descriptor: Int32
  private let identity: Identity

  /// Takes the lock.
  /// - Parameters:
  ///   - folder: is there.
  ///   - holder: who this is, for others: `adapt-pruner run`.
  /// - Throws: `.held` if another process has it, or another part of this one.
  public init(_ folder: String, holder: String) throws(FolderLockError) {
    guard let identity = Identity(folder) else { throw .file(.last("lock", folder)) }
    // Closing the file anywhere in this process would end the lock: it is not opened again.
    guard Self.held.withLock({ $0.insert(identity).inserted }) else {
      throw .held(folder: folder, holder: "this process")
    }
    let path = folder + "/" + Self.fileName
    let file: (descriptor: Int32, doubt: String?)
    let words: String
    do throws(FolderLockError) {
      file = try Self.lockedFile(path, folder)
      words = Self.words(in: file.descriptor)
      try Self.write(
        "\(holder) (process \(getpid()) on \(Self.hostName), since \(Self.now))\n", to: file.descriptor, path)
    } catch {
      _ = Self.held.withLock { $0.remove(identity) }
      throw error
    }
    (descriptor, doubt) = file
    leftBehind = words.isEmpty ? nil : words
    self.path = path
    self.identity = identity
  }

  deinit {
    // While it is still locked: whoever waits for this file finds that it has lost its name, and makes a new one.
    unlink(path)
    close(descriptor)
    _ = Self.held.withLock { $0.remove(identity) }
  }

  /// Who holds a folder's lock; nil if nobody does, or that can't be known.
  public static func holder(of folder: String) -> String? {
    if let identity = Identity(folder), held.withLock({ $0.contains(identity) }) { return "this process" }
    let descriptor = open(folder + "/" + fileName, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return holder(descriptor)
  }

  /// What the file of a folder's lock says; nil if there is none.
  public static func words(in folder: String) -> String? {
    guard Identity(folder).map({ identity in held.withLock { !$0.contains(identity) } }) == true else {
      return nil
    }
    let descriptor = open(folder + "/" + fileName, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return words(in: descriptor)
  }

  // MARK: -

  private struct Identity: Hashable {
    let device: UInt64
    let inode: UInt64

    /// nil if there is no such file.
    init?(_ path: String) {
      var status = stat()
      guard stat(path, &status) == 0 else { return nil }
      (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
    }
  }

  /// fcntl's locks are a process's: within one, this keeps apart.
  private static let held = Mutex<Set<Identity>>([])

  /// Opens the file and locks it.
  private static func lockedFile(
    _ path: String, _ folder: String
  ) throws(FolderLockError) -> (descriptor: Int32, doubt: String?) {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
      guard descriptor >= 0 else { throw .file(.last("lock", folder)) }
      var request = wholeFile
      let code = fcntl(descriptor, F_SETLK, &request) == 0 ? 0 : errno
      switch code {
      case 0:
        // One that the holder before has just removed locks nothing.
        var (mine, there) = (stat(), stat())
        if fstat(descriptor, &mine) == 0, stat(path, &there) == 0, mine.st_ino == there.st_ino {
          return (descriptor, nil)
        }
      case EAGAIN, EACCES:
        let holder = holder(descriptor)
        close(descriptor)
        if let holder { throw .held(folder: folder, holder: holder) }
        // It has ended in this very moment.
        continue
      case EINTR: break
      default:
        let reason = String(cString: strerror(code))
        return (
          descriptor,
          "\(folder) can't be locked (\(reason)): see to it that no other process works in it"
        )
      }
      close(descriptor)
    }
  }

  private static var wholeFile: flock {
    flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
  }

  private static func holder(_ descriptor: Int32) -> String? {
    for attempt in 1... {
      var request = wholeFile
      guard fcntl(descriptor, F_GETLK, &request) == 0, request.l_type != Int16(F_UNLCK) else { return nil }
      let words = words(in: descriptor)
      // Over a network, and out of a container, processes have no number.
      let isKnown = request.l_pid > 0
      if !words.isEmpty, !isKnown || words.contains("(process \(request.l_pid) on ") { return words }
      // It has the lock, and is about to say so: what is there now is of the one before.
      if attempt < 100 { usleep(10_000) } else if isKnown { return "process \(request.l_pid)" } else { break }
    }
    return "another process"
  }

  private static func words(in descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return "" }
    // Whatever is in there: one line, which may be shown on a terminal.
    let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }
    return String(decoding: line.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  private static func write(_ words: String, to descriptor: Int32, _ path: String) throws(FolderLockError) {
    do throws(FileError) {
      guard ftruncate(descriptor, 0) == 0 else { throw .last("write", path) }
      try Array(words.utf8).withUnsafeBufferPointer { (bytes) throws(FileError) in
        try writeAll(UnsafeRawBufferPointer(bytes), to: descriptor, at: 0, path: path)
      }
    } catch {
      unlink(path)
      close(descriptor)
      throw .file(error)
    }
  }

  private static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static var now: String {
    var (seconds, parts) = (time(nil), tm())
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
  }
}
