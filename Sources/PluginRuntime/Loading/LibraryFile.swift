import Foundation

/// A shared library's file on its way into this process.
enum LibraryFile {
  /// What this process was started with: a plugin may change it, and what is started later is the user's all the same.
  static let environment = ProcessInfo.processInfo.environment

  /// Loads it for good: the Swift runtime, for one, does not survive that a library leaves. NODELETE says so to the loader too.
  ///
  /// Its initialisers run in here, and are as little trusted as every other call.
  /// - Parameter path: absolute, or a name that the system's loader looks for.
  static func load(_ path: String, for plugin: PluginDescription) throws(PluginError)
    -> UnsafeMutableRawPointer
  {
    var state = stat()
    // The loader would wait for a named pipe's other end.
    if path.contains("/"), stat(path, &state) == 0, state.st_mode & S_IFMT != S_IFREG {
      throw .cannotLoad(library: path, reason: "it is no regular file")
    }
    _ = environment
    let handle = inCall(of: plugin.id, "load") { dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else { throw .cannotLoad(path, plugin) }
    return handle
  }
}
