import Glibc

/// What stands where a path leads that is to be written, links followed. Only a regular file is ever replaced.
public enum WritePlace: Equatable {
  /// A regular file, a folder, or nothing yet. Links stay links: this is what the last of them names.
  case file(String)
  /// A device, a FIFO or a socket, which is written to.
  case stream(String)
  /// `/dev/stdout`, `/dev/fd/3` and the like: a descriptor of this process, whatever it leads to.
  case descriptor(Int32)

  public init(_ path: String) {
    var path = path
    // As many links as the system itself follows.
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

  /// The path that links lead to from `path`; there may be nothing.
  static func followingLinks(_ path: String) -> String {
    if case .file(let place) = WritePlace(path) { place } else { path }
  }

  /// A link below `/proc/PID/fd` is not its text: it may name a pipe, or a file that has lost its name.
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
