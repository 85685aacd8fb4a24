import Foundation
import PluginRuntime
import Testing

/// Where the build put `libX.so`: `ADAPT_PRUNER_BIN`, or beside the test bundle. The tests do not build them
/// (they must not link them): plain `swift build` does.
enum Shipped {
  static let folder: String? = {
    if let path = ProcessInfo.processInfo.environment["ADAPT_PRUNER_BIN"] { return path }
    let bundles = CommandLine.arguments.prefix(1) + CommandLine.arguments.filter { $0.contains(".xctest") }
    for bundle in bundles {
      var url = URL(fileURLWithPath: bundle)
      while url.path != "/" {
        if FileManager.default.fileExists(atPath: url.path + "/libMagnitude.so") { return url.path }
        url.deleteLastPathComponent()
      }
    }
    for configuration in ["release", "debug"] {
      let path = packageRoot + "/.build/" + configuration
      if FileManager.default.fileExists(atPath: path + "/libMagnitude.so") { return path }
    }
    return nil
  }()

  static let isBuilt: Bool = {
    if folder == nil { print("Skipped: no libMagnitude.so. Run swift build first, or set ADAPT_PRUNER_BIN.") }
    return folder != nil
  }()

  /// The plugins of this package: their plugin.json from Plugins/, their libraries from the build folder,
  /// laid side by side in a folder of links.
  static let registry: PluginRegistry? = {
    guard let folder else { return nil }
    let files = FileManager.default
    let place = files.temporaryDirectory.path + "/adapt-pruner-shipped-\(UUID().uuidString)"
    let source = packageRoot + "/Plugins"
    for name in (try? files.contentsOfDirectory(atPath: source)) ?? [] {
      guard files.fileExists(atPath: "\(source)/\(name)/plugin.json") else { continue }
      try? files.createDirectory(atPath: "\(place)/\(name)", withIntermediateDirectories: true)
      try? files.createSymbolicLink(
        atPath: "\(place)/\(name)/plugin.json", withDestinationPath: "\(source)/\(name)/plugin.json")
      try? files.createSymbolicLink(
        atPath: "\(place)/\(name)/lib\(name).so", withDestinationPath: "\(folder)/lib\(name).so")
    }
    return PluginRegistry(searching: [place])
  }()

  static func plugin(_ id: String) throws -> LoadedPlugin {
    try LoadedPlugin(loading: try #require(registry).find(id))
  }
}

let packageRoot = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

let toyModel = ModelSummary(
  architecture: "llama", layerCount: 2, hiddenSize: 2, vocabularySize: 16, parameters: 100,
  originalParameters: 100)
