import Foundation

/// The plugins of a search path, found by id without loading any.
public struct PluginRegistry: Sendable {
  /// In the order of the search path; ids are unique.
  public private(set) var plugins: [PluginDescription] = []
  /// Plugins with the id of an earlier plugin.
  public private(set) var shadowed: [PluginDescription] = []
  /// The errors of single files and folders. They do not hide other plugins.
  public private(set) var problems: [PluginError] = []
  /// All folders that were searched.
  public private(set) var tried: [TriedPath] = []

  /// The most entries of a folder that are searched.
  private static let mostEntries = 10_000
  /// The most bytes of all `plugin.json` files together, since every command reads them.
  private static let mostBytes = 16 << 20

  /// Searches each folder for `plugin.json` and `*/plugin.json`, in order. The first plugin of an id wins. Errors go to
  /// `problems`.
  /// - Parameter offered: the statistics that plugins may ask for.
  public init(searching paths: [String], offered: StatisticRegistry = .host) {
    var known: Set<String> = []
    var bytes = 0
    // Paths are absolute, since a plugin may change the current folder later.
    for path in paths.map(absolute) {
      guard let entries = try? FileManager.default.contentsOfDirectory(atPath: path) else {
        tried.append(TriedPath(path: path, found: nil))
        continue
      }
      if let unsafe = Trust.writableByAll(path, isSearched: true) {
        problems.append(.writableByAll(path: unsafe))
        tried.append(TriedPath(path: path, found: nil, isRefused: true))
        continue
      }
      if entries.count > Self.mostEntries {
        problems.append(
          .badManifest(
            path: path,
            reason: "has \(entries.count) entries; plugins are looked for in the first \(Self.mostEntries)"))
      }
      var ids: [String] = []
      let manifests = ["plugin.json"] + entries.sorted().prefix(Self.mostEntries).map { $0 + "/plugin.json" }
      for manifest in manifests.map({ path + "/" + $0 })
      where FileManager.default.fileExists(atPath: manifest) {
        do throws(PluginError) {
          let text = try ManifestFile.read(manifest)
          bytes += text.count
          guard bytes <= Self.mostBytes else {
            throw .badManifest(
              path: path,
              reason:
                "with what was read before, plugin.json files come to more than \(Self.mostBytes) bytes; "
                + "\(manifest) and those behind it are not read")
          }
          for plugin in try Self.plugins(text, at: manifest, offered) {
            ids.append(plugin.id)
            if known.insert(plugin.id).inserted { plugins.append(plugin) } else { shadowed.append(plugin) }
          }
        } catch { problems.append(error) }
        if bytes > Self.mostBytes { break }
      }
      tried.append(TriedPath(path: path, found: ids))
    }
  }

  /// Returns all plugins of one plugin.json.
  /// - Parameter path: the file, or its folder.
  public static func plugins(at path: String) throws(PluginError) -> [PluginDescription] {
    let place = URL(fileURLWithPath: path).standardizedFileURL
    let isFile = place.lastPathComponent == "plugin.json"
    let manifest = isFile ? place.path : place.path + "/plugin.json"
    return try plugins(ManifestFile.read(manifest), at: manifest, .host)
  }

  private static func plugins(
    _ text: [UInt8], at manifest: String, _ offered: StatisticRegistry
  ) throws(PluginError) -> [PluginDescription] {
    let plugins = try PluginDescription.read(text, manifest: manifest, offered: offered)
    // Everyone who can write there can run code in this program.
    let folder = (manifest as NSString).deletingLastPathComponent
    let libraries = Set(plugins.map(\.library).filter { $0.contains("/") }).sorted()
    let folders = [folder] + libraries.map { ($0 as NSString).deletingLastPathComponent }
    for path in folders {
      if let unsafe = Trust.writableByAll(path, isSearched: true) { throw .writableByAll(path: unsafe) }
    }
    for path in [manifest] + libraries {
      if let unsafe = Trust.writableByAll(path) { throw .writableByAll(path: unsafe) }
    }
    return plugins
  }

  /// The folders to search: `explicit` (from `--plugin-path`), the colon-separated `ADAPT_PRUNER_PLUGIN_PATH`,
  /// `plugins` beside the executable, `~/.local/share/adapt-pruner/plugins`.
  public static func searchPath(
    explicit: [String] = [], environment: [String: String] = ProcessInfo.processInfo.environment,
    executable: String? = Self.executable
  ) -> [String] {
    var paths = explicit
    paths += (environment["ADAPT_PRUNER_PLUGIN_PATH"] ?? "").split(separator: ":").map(String.init)
    if let executable {
      paths.append(URL(fileURLWithPath: executable).deletingLastPathComponent().path + "/plugins")
    }
    if let home = environment["HOME"], !home.isEmpty {
      paths.append(home + "/.local/share/adapt-pruner/plugins")
    }
    var seen: Set<String> = []
    return paths.filter { seen.insert($0).inserted }
  }

  /// The path of the running executable, without symbolic links.
  public static var executable: String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  }

  /// Returns the plugin of this id.
  /// - Throws: an error that lists the folders and the nearest id.
  public func find(_ id: String, kind: PluginKind? = nil) throws(PluginError) -> PluginDescription {
    guard let plugin = plugins.first(where: { $0.id == id }) else {
      let candidates = plugins.filter { kind == nil || $0.kind == kind }.map(\.id)
      throw .notFound(
        id: id, kind: kind, nearest: NearestName.of(id, among: candidates), tried: tried)
    }
    if let kind, plugin.kind != kind { throw .wrongKind(plugin: id, expected: kind, got: plugin.kind) }
    return plugin
  }
}

/// Makes a path absolute.
private func absolute(_ path: String) -> String {
  path.hasPrefix("/") ? path : URL(fileURLWithPath: path).standardizedFileURL.path
}
