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

  /// Names of a folder's files are on the disk when this returns. Some file systems refuse; harmless.
  private static func synchronize(_ folder: String) {
    let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard handle >= 0 else { return }
    fsync(handle)
    close(handle)
  }
}
