#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder that appears whole or not at all: filled under another name beside its own, then renamed.
public enum AtomicFolder {
  /// Gives a filled folder its name, which nothing has yet, and forces the name to the disk.
  public static func commit(_ partial: String, as path: String) throws(FileError) {
    synchronize(partial)
    guard rename(partial, path) == 0 else { throw .last("write", path) }
    let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    synchronize(parent.isEmpty ? "/" : parent)
  }

  /// Makes a folder of these files; a path may have folders in it. Only an empty folder makes way for it: whatever else
  /// is at `path` stays, and is an error.
  public static func write(_ files: [(path: String, text: String)], to path: String) throws(FileError) {
    let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    let partial = "\(path[..<end]).\(path[end...]).\(getpid())-\(UInt32.random(in: 0...UInt32.max)).partial"
    var made: [String] = []
    // Empty once their files are gone, and those come later in the list.
    func giveUp() { for path in made.reversed() { remove(path) } }
    func makeFolder(_ folder: String) throws(FileError) {
      if made.contains(folder) { return }
      guard mkdir(folder, 0o777) == 0 else { throw .last("create", path) }
      made.append(folder)
    }
    do {
      try makeFolder(partial)
      for file in files {
        let folders = file.path.split(separator: "/").dropLast()
        for depth in folders.indices {
          try makeFolder(partial + "/" + folders[...depth].joined(separator: "/"))
        }
        try AtomicFile.write(file.text, to: partial + "/" + file.path)
        made.append(partial + "/" + file.path)
      }
      for folder in made.dropFirst() { synchronize(folder) }
      try commit(partial, as: path)
    } catch {
      giveUp()
      throw error
    }
  }

  /// Names of a folder's files are on the disk when this returns. Some file systems refuse; harmless.
  private static func synchronize(_ folder: String) {
    let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { return }
    fsync(handle)
    close(handle)
  }
}
