import Glibc

/// Makes, lists and removes folders. Every failure is an error.
public enum Folder {
  /// Makes a folder and its missing parents. A link that leads nowhere stays a link, and its target is made.
  public static func make(_ path: String) throws(FileError) {
    let place = WritePlace.followingLinks(trimmed(path))
    if isFolder(place) { return }
    let parent = parent(of: place)
    if parent != place { try make(parent) }
    guard mkdir(place, 0o777) == 0 || (errno == EEXIST && isFolder(place)) else {
      throw .last("create", path)
    }
  }

  /// Removes a file, or a folder with its content. If there is nothing, that is no error.
  public static func remove(_ path: String) throws(FileError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw .last("remove", path)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      guard unlink(path) == 0 || errno == ENOENT else { throw .last("remove", path) }
      return
    }
    for name in try names(in: path) { try remove(path + "/" + name) }
    guard rmdir(path) == 0 || errno == ENOENT else { throw .last("remove", path) }
  }

  /// Returns the names in a folder, sorted, with hidden ones.
  public static func names(in path: String) throws(FileError) -> [String] {
    guard let stream = opendir(path) else { throw .last("read", path) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      // At the end readdir returns null too, and leaves errno.
      errno = 0
      guard let entry = readdir(stream) else { break }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    guard errno == 0 else { throw .last("read", path) }
    return names.sorted()
  }

  /// Forces the names in a folder to the disk: a power cut could lose them otherwise. Does nothing if the folder can't be
  /// read, or its file system can't do it.
  public static func synchronize(_ path: String) throws(FileError) {
    let handle = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { return }
    defer { close(handle) }
    guard fsync(handle) == 0 || [EINVAL, ENOTSUP, EBADF, EROFS, ENOSYS].contains(errno) else {
      throw .last("write", path)
    }
  }

  /// Returns the folder of a path's last part.
  static func parent(of path: String) -> String {
    guard let slash = trimmed(path).lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Returns a path without slashes at its end.
  static func trimmed(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  /// Returns a hidden name in the same folder. It holds the process and a random number, so that two writers don't meet.
  static func hiddenName(beside path: String) -> String {
    let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    return "\(path[..<name]).\(path[name...]).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
