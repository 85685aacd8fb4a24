import Foundation
import JSON
import Pipeline
import PluginRuntime
import Testing
import Transformer

/// What the tests of whole runs need: the shipped plugins as a user has them, and the reference values if there are any.
enum Support {
  static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// nil where the published values are not on the machine.
  static let reference: URL? = {
    let given = ProcessInfo.processInfo.environment["ADAPT_PRUNER_REFERENCE"].map { URL(fileURLWithPath: $0) }
    let folder = given ?? package.deletingLastPathComponent().appendingPathComponent("shared/reference")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }()
  static let noReference: Comment = "the reference values are not on this machine"

  /// The GGUF that `make demo` fetches; nil where it has not been.
  static let smolLM2: URL? = {
    let given = ProcessInfo.processInfo.environment["ADAPT_PRUNER_SMOLLM2"].map { URL(fileURLWithPath: $0) }
    let file =
      given ?? package.appendingPathComponent(".cache/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")
    return FileManager.default.fileExists(atPath: file.path) ? file : nil
  }()

  /// Where the build put the plugins' libraries: `ADAPT_PRUNER_BIN`, or beside the test bundle.
  static let binaries: URL = {
    if let path = ProcessInfo.processInfo.environment["ADAPT_PRUNER_BIN"] {
      return URL(fileURLWithPath: path)
    }
    return URL(fileURLWithPath: PluginRegistry.executable ?? "/").deletingLastPathComponent()
  }()

  static let pluginsAreBuilt = FileManager.default.fileExists(
    atPath: binaries.appendingPathComponent("libAdaptPruner.so").path)
  static let noPlugins: Comment = "the plugins' libraries are not beside the tests; run swift build first"

  /// The shipped plugins, laid out in a folder as an installation has them.
  static let pluginFolder: String = {
    let folder = temporaryFolder()
    let plugins = package.appendingPathComponent("Plugins")
    for name in (try? FileManager.default.contentsOfDirectory(atPath: plugins.path)) ?? [] {
      let description = plugins.appendingPathComponent("\(name)/plugin.json")
      guard FileManager.default.fileExists(atPath: description.path) else { continue }
      let place = folder.appendingPathComponent(name)
      try? FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      try? FileManager.default.copyItem(at: description, to: place.appendingPathComponent("plugin.json"))
      try? FileManager.default.createSymbolicLink(
        at: place.appendingPathComponent("lib\(name).so"),
        withDestinationURL: binaries.appendingPathComponent("lib\(name).so"))
    }
    return folder.path
  }()

  static let registry = PluginRegistry(searching: [pluginFolder])

  static func temporaryFolder() -> URL {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "adapt-pruner-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  /// Runs a manifest on a model in a new folder, which it answers.
  @discardableResult
  static func run(
    _ manifest: JSONValue, model: URL, threads: Int = 2, in folder: URL = temporaryFolder()
  ) throws -> (summary: RunSummary, folder: URL) {
    let file = folder.appendingPathComponent("pipeline.json")
    try manifest.pretty.write(to: file, atomically: true, encoding: .utf8)
    let resolved = try ManifestResolver(catalog: PluginCatalog(registry)).resolve(file: file.path)
    let output = folder.appendingPathComponent("run")
    let summary = try Operations.run(
      resolved, registry: registry, modelPath: model.path, outputPath: output.path, threads: threads,
      progress: SilentProgress(), cancellation: Cancellation())
    return (summary, output)
  }

  static func json(_ url: URL) throws -> JSONValue {
    try JSONValue(parsing: Array(Data(contentsOf: url)))
  }
}

extension JSONValue {
  /// A list of whole numbers, or of numbers.
  var integers: [Int] { arrayValue?.compactMap(\.integerValue) ?? [] }
  var doubles: [Double] { arrayValue?.compactMap(\.numberValue) ?? [] }
}

/// The largest difference, relative to the expected values' largest.
func relativeError(_ found: [Float], _ expected: [Double]) -> Double {
  let largest = expected.map(abs).max() ?? 0
  let difference = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
  return found.count == expected.count ? difference / max(largest, .leastNormalMagnitude) : .infinity
}
