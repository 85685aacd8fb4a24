import Glibc

/// A folder that appears whole or not at all. It is filled under another name, then renamed.
public enum AtomicFolder {
  /// Gives a filled folder its new name, and forces the name to the disk.
  public static func commit(_ partial: String, as path: String) throws(FileError) {
    try Folder.synchronize(partial)
    guard rename(partial, path) == 0 else { throw .last("write", path) }
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Makes a folder with these files. Their paths may name folders. An empty folder at `path` is replaced; anything else
  /// stays, and is an error. A link stays a link, and its target is made.
  public static func write(_ files: [(path: String, text: String)], to path: String) throws(FileError) {
    let path = WritePlace.followingLinks(Folder.trimmed(path))
    let partial = Folder.hiddenName(beside: path)
    var folders: [String] = []
    func makeFolder(_ folder: String) throws(FileError) {
      if folders.contains(folder) { return }
      guard mkdir(folder, 0o777) == 0 else { throw .last("create", path) }
      folders.append(folder)
    }
    do {
      try makeFolder(partial)
      for file in files {
        let names = file.path.split(separator: "/").dropLast()
        for depth in names.indices {
          try makeFolder(partial + "/" + names[...depth].joined(separator: "/"))
        }
        try AtomicFile.write(file.text, to: partial + "/" + file.path)
      }
      for folder in folders.dropFirst() { try Folder.synchronize(folder) }
      try commit(partial, as: path)
    } catch {
      // The first error matters more than a failure to clean up.
      do { try Folder.remove(partial) } catch {}
      throw error
    }
  }
}
