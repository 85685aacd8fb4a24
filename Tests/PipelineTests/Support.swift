import Foundation
import Pipeline
import PluginRuntime

/// A folder of its own for one test, removed when the test lets go of it.
final class TemporaryFolder {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("pipeline-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    // On some systems the temporary folder is reached by a symbolic link.
    path = url.resolvingSymlinksInPath().path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String { try write(name, bytes: Array(text.utf8)) }

  @discardableResult
  func write(_ name: String, bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  func names(in folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).sorted()
  }
}

/// Plugins as the shipped pipelines name them, whose options are checked by a few words each.
enum SampleCatalog {
  static let catalog = PluginCatalog(entries: [
    entry("adapt-pruner.taylor", .criterion, ["variant": "param_first"], statistics: ["gradient"]),
    entry("adapt-pruner.magnitude", .criterion, ["norm": "l2"]),
    entry("adapt-pruner.random", .criterion, [:]),
    entry(
      "adapt-pruner.layer-distance", .allocator, ["distance": "cosine", "amplitude": 0.02, "steps": 50],
      statistics: ["layer_cosine"]),
    entry("adapt-pruner.uniform", .allocator, [:]),
    entry("adapt-pruner.perplexity", .evaluator, ["window": 512, "windows": 0], data: ["data"]),
  ])

  private static func entry(
    _ id: String, _ kind: PluginKind, _ defaults: JSONObject, data: [String] = [], statistics: [String] = []
  ) -> PluginCatalog.Entry {
    PluginCatalog.Entry(id: id, kind: kind, dataOptions: data) { options in
      var problems: [PluginCatalog.OptionProblem] = []
      for member in options.members where !data.contains(member.key) {
        let path = JSONPath.root.key(member.key)
        guard let standard = defaults[member.key] else {
          problems.append(.init(path: path, found: "unknown key", advice: "known: \(defaults.keys)"))
          continue
        }
        if standard.kindName != member.value.kindName {
          problems.append(
            .init(path: path, found: "this is \(member.value.kindName)", expected: standard.kindName))
        }
      }
      for key in data where options[key] == nil {
        problems.append(.init(path: JSONPath.root.key(key), found: "missing", expected: "data"))
      }
      guard problems.isEmpty else { return .refused(problems) }
      var whole = options
      for member in defaults.members where whole[member.key] == nil { whole[member.key] = member.value }
      return .accepted(options: whole, statistics: statistics)
    }
  }
}
