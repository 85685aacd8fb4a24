import Glibc

/// Folders, with every failure of the system told.
public enum Folder {
  /// Makes a folder and those above it that are missing. A link that leads nowhere keeps being a link: what it names is made.
  public static func make(_ path: String) throws(FileError) {
    let place = WritePlace.followingLinks(trimmed(path))
    if isFolder(place) { return }
    let parent = parent(of: place)
    if parent != place { try make(parent) }
    guard mkdir(place, 0o777) == 0 || (errno == EEXIST && isFolder(place)) else {
      throw .last("create", path)
    }
  }

  /// Removes a file, or a folder with all that is in it. What is not there is as good as removed.
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

  /// What is in a folder, hidden names too, sorted.
  public static func names(in path: String) throws(FileError) -> [String] {
    guard let stream = opendir(path) else { throw .last("read", path) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      // At the end the answer is null too, without a reason.
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

  /// Names of a folder's files are on the disk when this returns: without it a power cut could lose them. Where a file
  /// system does not know how, or the folder can't be read, it is left at that.
  public static func synchronize(_ path: String) throws(FileError) {
    let handle = open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { return }
    defer { close(handle) }
    guard fsync(handle) == 0 || [EINVAL, ENOTSUP, EBADF, EROFS, ENOSYS].contains(errno) else {
      throw .last("write", path)
    }
  }

  /// The folder that a path's last part is in.
  static func parent(of path: String) -> String {
    guard let slash = trimmed(path).lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Without slashes at its end.
  static func trimmed(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
