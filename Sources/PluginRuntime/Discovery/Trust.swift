import Foundation

/// Who can change what a path leads to.
enum Trust {
  /// The first place on the way to a file or folder, links followed, that every user of this machine may change; nil if there
  /// is none. Whoever may rename a folder on the way, or put another link in a link's place, decides what is found. In a
  /// folder that all may write to, but where each may take away only what is its own (as in /tmp), what is there is safe.
  ///
  /// - Parameter isSearched: whatever is in this folder is taken, whoever put it there.
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
      var state = stat()
      // What is not there is somebody else's finding.
      guard lstat(place, &state) == 0 else { return nil }
      if state.st_mode & S_IFMT == S_IFLNK {
        links += 1
        guard links < 40, let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place)
        else {
          return nil
        }
        if target.hasPrefix("/") { folder = "" }
        rest = components(of: target) + rest
      } else {
        folder = place
      }
    }
    var state = stat()
    guard lstat(folder.isEmpty ? "/" : folder, &state) == 0, state.st_mode & S_IWOTH != 0 else { return nil }
    let isFolder = state.st_mode & S_IFMT == S_IFDIR
    return isFolder && !isSearched && state.st_mode & S_ISVTX != 0 ? nil : folder
  }

  private static func components(of path: String) -> [String] {
    path.split(separator: "/").map(String.init).filter { $0 != "." }
  }

  private static func unsafeFolder(_ folder: String) -> String? {
    let folder = folder.isEmpty ? "/" : folder
    var state = stat()
    guard lstat(folder, &state) == 0 else { return nil }
    return state.st_mode & S_IWOTH != 0 && state.st_mode & S_ISVTX == 0 ? folder : nil
  }
}
