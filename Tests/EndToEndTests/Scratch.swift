import Foundation
import JSON
import PluginRuntime
import Testing

/// A folder of its own for one test, removed when the test lets go of it.
final class Scratch {
  let url: URL

  init() {
    // By its real path: messages name it so.
    url = Support.temporaryFolder().resolvingSymlinksInPath()
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }

  @discardableResult
  func write(_ text: String, to name: String) throws -> String {
    try write(Data(text.utf8), to: name)
  }

  @discardableResult
  func write(_ data: Data, to name: String) throws -> String {
    let file = url.appendingPathComponent(name)
    try FileManager.default.createDirectory(
      at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: file)
    return file.path
  }

  /// Lists of token ids below `vocabulary`, the same each time.
  @discardableResult
  func writeIDs(_ count: Int, length: Int, vocabulary: Int = 32, to name: String = "ids.json") throws
    -> String
  {
    let ids = (0..<count).map { row in
      JSONValue.array((0..<length).map { .integer((row * 31 + $0 * $0 * 7 + $0 * 3) % vocabulary) })
    }
    return try write(JSONValue.array(ids).compact, to: name)
  }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name)) }

  /// Every file below a folder with its bytes, by its path within.
  func files(below name: String) throws -> [String: Data] {
    let root = url.appendingPathComponent(name)
    var result: [String: Data] = [:]
    for file in try FileManager.default.subpathsOfDirectory(atPath: root.path) {
      var isFolder: ObjCBool = false
      let place = root.appendingPathComponent(file)
      guard FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder), !isFolder.boolValue
      else { continue }
      result[file] = try Data(contentsOf: place)
    }
    return result
  }
}
