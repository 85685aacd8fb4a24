import Foundation
import JSON
import Wording

/// A plugin as its `plugin.json` describes it. Nothing has been loaded.
public struct PluginDescription: Equatable, Sendable {
  public var id: String
  public var kind: PluginKind
  public var version: String
  public var summary: String
  /// The version of the ABI that the library was built for.
  public var abi: ABIVersion
  /// The shared library, an absolute path.
  public var library: String
  /// All paths where the library was looked for.
  public var lookedFor: [String]
  /// The path of the `plugin.json`.
  public var manifest: String
  /// How to call it, if it is a plain function.
  public var function: ForeignSignature?
  /// The options with which `plugin check` makes instances. Their paths are relative to the folder of the
  /// `plugin.json`.
  public var checkOptions: JSONObject = [:]
  /// The statistics that the host offers it.
  public var offered = StatisticRegistry.host
}

extension PluginDescription {
  /// Reads a `plugin.json`:
  ///
  ///     {
  ///       "library": "libMagnitude.so",
  ///       "abi": { "major": 1, "minor": 0 },
  ///       "plugins": [ { "id": "adapt-pruner.magnitude", "kind": "criterion", "version": "1.0.0",
  ///                      "summary": "…" } ]
  ///     }
  ///
  /// The library is looked for beside the file, then in the two folders above: a build folder has `libX.so` and
  /// `plugins/X/plugin.json`. The folders below in which Swift's and Rust's tools build come last.
  static func read(manifest path: String) throws(PluginError) -> [PluginDescription] {
    try read(ManifestFile.read(path), manifest: path)
  }

  static func read(
    _ bytes: [UInt8], manifest path: String, offered: StatisticRegistry = .host
  ) throws(PluginError) -> [PluginDescription] {
    let document: JSONValue
    do { document = try JSONValue(parsing: bytes) } catch {
      throw .badManifest(path: path, reason: "\(error)")
    }
    let reader = ManifestReader(path: path)
    let root = try reader.object(document, at: "the file", keys: ["library", "abi", "plugins"])
    let name = try reader.string(root, "library", at: "")
    guard let list = try reader.member(root, "plugins", at: "").arrayValue, !list.isEmpty else {
      throw reader.wrong("plugins should be an array of at least one plugin")
    }
    if list.count > mostPlugins {
      throw reader.wrong("plugins has \(list.count) entries; one library may hold \(mostPlugins)")
    }
    var plugins: [PluginDescription] = []
    var ids: Set<String> = []
    // Plain functions have one place more.
    let places = [false, true].map { Self.places(name, manifest: path, isForeign: $0) }
    let chosen = places.map(Self.chosen)
    for (index, entry) in list.enumerated() {
      let place = "plugins[\(index)]"
      let members = try reader.object(
        entry, at: place, keys: ["id", "kind", "version", "summary", "function", "check"])
      let id = try reader.string(members, "id", at: place + ".")
      guard isPluginID(id) else {
        throw reader.wrong("\(place).id should be \(pluginIDSyntax), but is \"\(ShownText.value(id))\"")
      }
      if !ids.insert(id).inserted {
        throw reader.wrong("\(place).id is \"\(id)\", as another plugin's of this file")
      }
      let kindName = try reader.string(members, "kind", at: place + ".")
      guard let kind = PluginKind(rawValue: kindName) else {
        let known = PluginKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw reader.wrong("\(place).kind should be one of \(known), but is \"\(ShownText.value(kindName))\"")
      }
      let function = try reader.function(members, of: kind, at: place + ".", offered)
      let which = function == nil ? 0 : 1
      plugins.append(
        PluginDescription(
          id: id, kind: kind, version: try reader.string(members, "version", at: place + "."),
          summary: try reader.string(members, "summary", at: place + "."),
          abi: function == nil ? try reader.abi(root) : .host,
          library: chosen[which], lookedFor: places[which], manifest: path, function: function,
          checkOptions: try reader.checkOptions(members, at: place + "."), offered: offered))
    }
    return plugins
  }

  /// The most plugins of a library. More would make every command wait.
  private static let mostPlugins = 1000

  /// The paths where a library may be: beside the plugin.json, above it, and below where `swift build` and `cargo
  /// build` put it.
  /// - Parameter isForeign: whether the system's loader looks for a bare name.
  private static func places(_ name: String, manifest: String, isForeign: Bool) -> [String] {
    if name.hasPrefix("/") { return [name] }
    let beside = URL(fileURLWithPath: manifest).deletingLastPathComponent()
    let above = beside.deletingLastPathComponent()
    let folders =
      [beside, above, above.deletingLastPathComponent()]
      + [".build/release", ".build/debug", "target/release", "target/debug"].map(
        beside.appendingPathComponent)
    return folders.map { $0.appendingPathComponent(name).path }
      + (isForeign && !name.contains("/") ? [name] : [])
  }

  /// The first path that has a file, and of several builds the newest. If there is none: a bare name for the loader, or
  /// the first path.
  private static func chosen(of places: [String]) -> String {
    let files = FileManager.default
    func date(_ path: String) -> Date? {
      (try? files.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    }
    let own = places.prefix(3).first { files.fileExists(atPath: $0) }
    let built = places.dropFirst(3).filter { files.fileExists(atPath: $0) }
      .max { date($0) ?? .distantPast < date($1) ?? .distantPast }
    let bare = places.last.flatMap { $0.contains("/") ? nil : $0 }
    return own ?? built ?? bare ?? places.first ?? ""
  }
}

/// The syntax of an id, for errors.
public let pluginIDSyntax =
  "\"publisher.name\" in lower-case letters, digits and '-' with one '.' between"

/// The most bytes of an id.
private let longestID = 100

private let idLetters = Set("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)

/// Whether an id is `publisher.name`: lower-case letters, digits and '-', with one '.' between.
public func isPluginID(_ id: String) -> Bool {
  let parts = id.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  return parts.count == 2 && id.utf8.count <= longestID
    && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(idLetters.contains) }
}
