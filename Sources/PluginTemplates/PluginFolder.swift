import Files
import Foundation

/// Writes a template to a folder on the disk.
extension PluginTemplate {
  /// Writes the folder, whole or not at all. It changes nothing that exists already. An empty folder is replaced.
  /// - Throws: `PluginTemplateError`, `FileError`
  public func write(to path: String) throws {
    let path = URL(fileURLWithPath: path).standardizedFileURL.path
    let manager = FileManager.default
    if path == URL(fileURLWithPath: manager.currentDirectoryPath).standardizedFileURL.path {
      // The new folder would have the same name, but the user's shell would stay in the old one.
      throw PluginTemplateError.currentFolder(path: path)
    }
    var isFolder: ObjCBool = false
    if manager.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue, try manager.contentsOfDirectory(atPath: path).isEmpty else {
        throw PluginTemplateError.occupied(path: path)
      }
    }
    try AtomicFolder.write(files, to: path)
  }
}
