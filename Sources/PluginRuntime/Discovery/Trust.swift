import Foundation

/// Finds out whether every user can change what a path leads to.
enum Trust {
  /// Returns the first place on a path, links followed, that every user may change; nil if there is none. A user who
  /// can rename a folder or replace a link on the way decides what is found. Files in a sticky folder such as /tmp are
  /// safe.
  ///
  /// - Parameter isSearched: whether plugins are taken from this folder, so that sticky does not make it safe.
  static func writableByAll(_ path: String, isSearched: Bool = false) -> String? {
    let absolute = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var rest = components(of: absolute)
    var folder = ""
    var links = 0
    while !rest.isEmpty {
      let name = rest.removeFirst()
      if name == ".." {
        folder = (folder as NSString).deletingLastPathComponent
        if folder == "/" { folder = "" }
        continue
      }
      if let unsafe = unsafeFolder(folder) { return unsafe }
      let place = folder + "/" + name
      // The caller reports a missing file.
      guard let mode = mode(of: place) else { return nil }
      if mode & S_IFMT == S_IFLNK {
        links += 1
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place)
        guard links < 40, let target else { return nil }
        if target.hasPrefix("/") { folder = "" }
        rest = components(of: target) + rest
      } else {
        folder = place
      }
    }
    guard let mode = mode(of: folder.isEmpty ? "/" : folder), mode & S_IWOTH != 0 else { return nil }
    let isSafe = mode & S_IFMT == S_IFDIR && mode & S_ISVTX != 0 && !isSearched
    return isSafe ? nil : folder
  }

  private static func components(of path: String) -> [String] {
    path.split(separator: "/").map(String.init).filter { $0 != "." }
  }

  private static func unsafeFolder(_ folder: String) -> String? {
    let folder = folder.isEmpty ? "/" : folder
    return mode(of: folder).flatMap { $0 & S_IWOTH != 0 && $0 & S_ISVTX == 0 ? folder : nil }
  }

  /// The mode of a file, folder or link; nil if it is missing.
  private static func mode(of path: String) -> mode_t? {
    var state = stat()
    return lstat(path, &state) == 0 ? state.st_mode : nil
  }
}
