import Glibc
import Synchronization

/// Why a folder can't be worked in.
public enum FolderLockError: Error, Sendable, Equatable, CustomStringConvertible {
  /// - Parameter holder: the text that `FolderLock` writes.
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

/// Keeps other processes out of a folder as long as this object exists. The system ends the lock with the process.
///
/// The lock is fcntl's, on a file in the folder that names the holder. Child processes don't have it. A holder that is
/// killed leaves the file behind, without a lock.
public final class FolderLock: Sendable {
  public static let fileName = ".lock"

  /// Why the lock may not work, as on some network file systems; nil if it does.
  public let doubt: String?
  /// The text of a holder that was killed; nil if there was none.
  public let leftBehind: String?
  private let path: String
  private let descriptor: Int32
  private let identity: Identity

  /// Takes the lock.
  /// - Parameters:
  ///   - folder: an existing folder.
  ///   - holder: the name of this holder, for others: `adapt-pruner run`.
  /// - Throws: `.held` if another process has it, or another part of this one.
  public init(_ folder: String, holder: String) throws(FolderLockError) {
    guard let identity = Identity(folder) else { throw .file(.last("lock", folder)) }
    // Closing the file anywhere in this process ends the lock, so it is never opened twice.
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
    // Unlinks while locked: whoever waits for the file sees that its name is gone, and makes a new one.
    unlink(path)
    close(descriptor)
    _ = Self.held.withLock { $0.remove(identity) }
  }

  /// Returns who holds a folder's lock; nil if nobody does, or that is not known.
  public static func holder(of folder: String) -> String? {
    if let identity = Identity(folder), held.withLock({ $0.contains(identity) }) { return "this process" }
    return reading(folder, O_RDWR, holder)
  }

  /// Returns the text in the file of a folder's lock; nil if there is no file.
  public static func words(in folder: String) -> String? {
    guard Identity(folder).map({ identity in held.withLock { !$0.contains(identity) } }) == true else {
      return nil
    }
    return reading(folder, O_RDONLY, words)
  }

  private static func reading(_ folder: String, _ mode: Int32, _ body: (Int32) -> String?) -> String? {
    let descriptor = open(folder + "/" + fileName, mode | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return body(descriptor)
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

  /// The locks of this process. fcntl's don't keep two parts of one process apart.
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
        // The previous holder may just have removed the file. Then it locks nothing.
        var (mine, there) = (stat(), stat())
        if fstat(descriptor, &mine) == 0, stat(path, &there) == 0, mine.st_ino == there.st_ino {
          return (descriptor, nil)
        }
      case EAGAIN, EACCES:
        let holder = holder(descriptor)
        close(descriptor)
        if let holder { throw .held(folder: folder, holder: holder) }
        // The holder has just ended.
        continue
      case EINTR: break
      default:
        let reason = String(cString: strerror(code))
        return (
          descriptor, "\(folder) can't be locked (\(reason)): see to it that no other process works in it"
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
      // Processes on another machine or outside of a container have no number.
      let isKnown = request.l_pid > 0
      if !words.isEmpty, !isKnown || words.contains("(process \(request.l_pid) on ") { return words }
      // The holder has not written its name yet. The text is the previous holder's.
      if attempt < 100 { usleep(10_000) } else if isKnown { return "process \(request.l_pid)" } else { break }
    }
    return "another process"
  }

  private static func words(in descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return "" }
    // The file may hold anything. One printable line is safe on a terminal.
    let line = bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }
    return String(decoding: line.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }

  private static func write(_ words: String, to descriptor: Int32, _ path: String) throws(FolderLockError) {
    do throws(FileError) {
      guard ftruncate(descriptor, 0) == 0 else { throw .last("write", path) }
      try writeAll(Array(words.utf8), to: descriptor, at: 0, path: path)
    } catch {
      unlink(path)
      close(descriptor)
      throw .file(error)
    }
  }

  /// This machine's name; `unknown` if the system doesn't tell it.
  package static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "unknown" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static var now: String {
    var (seconds, parts) = (time(nil), tm())
    gmtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%Y-%m-%d %H:%M:%S UTC", &parts)
    return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
