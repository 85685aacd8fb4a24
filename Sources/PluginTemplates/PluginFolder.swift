import Files
import Foundation

/// A template becomes a folder on the disk.
extension PluginTemplate {
  /// Writes the folder, whole or not at all. Where something is already, nothing is changed, unless it is an empty
  /// folder.
  /// - Throws: `PluginTemplateError`, `FileError`
  public func write(to path: String) throws {
    let path = URL(fileURLWithPath: path).standardizedFileURL.path
    let manager = FileManager.default
    if path == URL(fileURLWithPath: manager.currentDirectoryPath).standardizedFileURL.path {
      // It would be another folder of that name in which the user's shell is not.
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
