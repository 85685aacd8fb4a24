import Foundation

/// Loads the file of a shared library into this process.
enum LibraryFile {
  /// The environment at the start of this process. A plugin may change its own; later processes get this one.
  static let environment = ProcessInfo.processInfo.environment

  /// Loads the library for good (NODELETE): the Swift runtime does not survive unloading. Its initialisers run in this call.
  /// - Parameter path: absolute, or a name for the system's loader.
  static func load(_ path: String, for plugin: PluginDescription) throws(PluginError)
    -> UnsafeMutableRawPointer
  {
    var state = stat()
    // The loader would wait for the other end of a named pipe.
    if path.contains("/"), stat(path, &state) == 0, state.st_mode & S_IFMT != S_IFREG {
      throw .cannotLoad(library: path, reason: "it is no regular file")
    }
    _ = environment
    let handle = inCall(of: plugin.id, "load") { dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) }
    guard let handle else { throw .cannotLoad(path, plugin) }
    return handle
  }
}
