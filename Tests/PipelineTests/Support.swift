import Foundation
import JSON
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

/// Plugins as manifests of these tests name them, with schemas but without libraries.
enum SampleCatalog {
  static let catalog = PluginCatalog(entries: [
    entry(
      "adapt-pruner.taylor", .criterion,
      """
      "variant": {"type": "string", "enum": ["param_first", "vectorize"], "default": "param_first"}
      """, statistics: [.gradient]),
    entry("adapt-pruner.random", .criterion, ""),
    entry(
      "adapt-pruner.slicegpt", .transform,
      """
      "spread": {"type": "string", "enum": ["constant", "energy"], "default": "constant"},
      "sparsity": {"type": ["number", "null"], "default": null},
      "slice_head": {"type": "boolean", "default": false}
      """
    ) { $0["sparsity"]?.numberValue != nil },
    entry(
      "adapt-pruner.layer-distance", .allocator,
      """
      "distance": {"type": "string", "default": "cosine"},
      "amplitude": {"type": "number", "default": 0.02}, "steps": {"type": "integer", "default": 50}
      """, statistics: [.layerCosine]),
    entry(
      "adapt-pruner.uniform", .allocator,
      """
      "protect_first": {"type": "integer", "minimum": 0, "default": 0},
      "protect_last": {"type": "integer", "minimum": 0, "default": 0}
      """),
    entry(
      "adapt-pruner.perplexity", .evaluator,
      """
      "data": {"format": "adapt-pruner-data"}, "label": {"type": "string", "default": ""},
      "window": {"type": "integer", "minimum": 2, "default": 512},
      "max_windows": {"type": ["integer", "null"], "default": null}
      """, required: "\"data\""),
  ])

  private static func entry(
    _ id: String, _ kind: PluginKind, _ properties: String, required: String = "",
    statistics: [Statistic] = [],
    fixesWidths: @escaping @Sendable (JSONValue) -> Bool = { _ in false }
  ) -> PluginCatalog.Entry {
    PluginCatalog.Entry(id: id, kind: kind) { (_) throws(PluginError) in
      let text = "{\"type\": \"object\", \"properties\": {\(properties)}, \"required\": [\(required)]}"
      do throws(OptionsError) {
        let schema = try OptionsSchema(parsing: text)
        return (
          schema,
          { (options) throws(PluginError) in
            var answers = PluginCatalog.Answers()
            answers.statistics = statistics
            answers.fixesWidths = fixesWidths(options)
            return answers
          }
        )
      } catch {
        throw .badOptions(plugin: id, error)
      }
    }
  }
}
