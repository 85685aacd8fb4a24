import Glibc

/// What is at the end of a path to write to, after links. Only a regular file is ever replaced.
public enum WritePlace: Equatable {
  /// The path of a regular file, a folder, or nothing yet, after the last link.
  case file(String)
  /// A device, a FIFO or a socket.
  case stream(String)
  /// A descriptor of this process, of any kind: `/dev/stdout`, `/dev/fd/3`.
  case descriptor(Int32)

  public init(_ path: String) {
    var path = path
    // The system follows as many links.
    for _ in 0..<40 {
      if let place = Self.descriptor(path) {
        self = place
        return
      }
      var status = stat()
      guard lstat(path, &status) == 0 else { break }
      switch status.st_mode & S_IFMT {
      case S_IFLNK:
        guard let next = Self.target(of: path) else { break }
        path = next
        continue
      case S_IFREG, S_IFDIR: break
      default:
        self = .stream(path)
        return
      }
      break
    }
    self = .file(path)
  }

  /// Returns the path at the end of the links from `path`. There may be nothing.
  static func followingLinks(_ path: String) -> String {
    if case .file(let place) = WritePlace(path) { place } else { path }
  }

  /// Returns the descriptor behind a path in `/proc/PID/fd`. The text of such a link is no path: it may name a pipe.
  private static func descriptor(_ path: String) -> WritePlace? {
    let slash = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    guard let number = Int32(path[slash...]), number >= 0,
      let folder = realPath(slash == path.startIndex ? "." : String(path[..<slash])),
      folder.hasPrefix("/proc/"), folder.hasSuffix("/fd")
    else { return nil }
    let own = ["/proc/self/fd", "/proc/thread-self/fd"].compactMap(realPath)
    return own.contains(folder) ? .descriptor(number) : .stream(path)
  }

  private static func realPath(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  private static func target(of link: String) -> String? {
    var text = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(link, &text, text.count)
    guard count > 0, count < text.count else { return nil }
    let target = String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if target.hasPrefix("/") { return target }
    return link.lastIndex(of: "/").map { String(link[...$0]) + target } ?? target
  }
}
