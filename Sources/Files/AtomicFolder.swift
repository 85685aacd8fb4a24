import Glibc

/// A folder that appears whole or not at all: filled under another name beside its own, then renamed.
public enum AtomicFolder {
  /// Gives a filled folder its name, which nothing has yet, and forces the name to the disk.
  public static func commit(_ partial: String, as path: String) throws(FileError) {
    try Folder.synchronize(partial)
    guard rename(partial, path) == 0 else { throw .last("write", path) }
    try Folder.synchronize(Folder.parent(of: path))
  }

  /// Makes a folder of these files; a path may have folders in it. Only an empty folder makes way for it: whatever else
  /// is at `path` stays, and is an error. A link keeps being one: what it names is made.
  public static func write(_ files: [(path: String, text: String)], to path: String) throws(FileError) {
    let path = WritePlace.followingLinks(Folder.trimmed(path))
    let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let partial = "\(path[..<end]).\(path[end...]).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
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
      // What went wrong matters more than what is left of it.
      do { try Folder.remove(partial) } catch {}
      throw error
    }
  }
}
