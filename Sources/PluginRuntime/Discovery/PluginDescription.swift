import Foundation
import JSON
import Wording

/// What a `plugin.json` says of one plugin. Nothing of the plugin has been loaded.
public struct PluginDescription: Equatable, Sendable {
  public var id: String
  public var kind: PluginKind
  public var version: String
  public var summary: String
  /// The ABI that the library was built for.
  public var abi: ABIVersion
  /// The shared library, an absolute path.
  public var library: String
  /// Every place at which it was looked for.
  public var lookedFor: [String]
  /// The `plugin.json` that says so.
  public var manifest: String
  /// How to call it, if it is a plain function.
  public var function: ForeignSignature?
  /// Options that `plugin check` makes instances with. Paths in them are relative to the folder of the `plugin.json`.
  public var checkOptions: JSONObject = [:]
  /// The statistics that it may ask for.
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
  /// The library is looked for beside the file, then in the two folders above it. A build puts `libX.so` there when
  /// `plugins/X/plugin.json` lies in the build folder. The folders below in which Swift's and Rust's own tools build
  /// come last.
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
    // Of plain functions another place more is looked at.
    var placesOf: [Bool: (all: [String], chosen: String)] = [:]
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
      let isForeign = function != nil
      let places: (all: [String], chosen: String)
      if let known = placesOf[isForeign] {
        places = known
      } else {
        let all = Self.places(name, manifest: path, isForeign: isForeign)
        places = (all, chosen(of: all))
        placesOf[isForeign] = places
      }
      plugins.append(
        PluginDescription(
          id: id, kind: kind, version: try reader.string(members, "version", at: place + "."),
          summary: try reader.string(members, "summary", at: place + "."),
          abi: function == nil ? try reader.abi(root) : .host,
          library: places.chosen, lookedFor: places.all, manifest: path, function: function,
          checkOptions: try reader.checkOptions(members, at: place + "."), offered: offered))
    }
    return plugins
  }

  /// More is no library that somebody wrote, and would have every command wait.
  private static let mostPlugins = 1000

  /// Where a library may be: beside the plugin.json, above it, and where `swift build` and `cargo build` put it below.
  /// - Parameter isForeign: a name alone that is nowhere here is the system's loader's to find.
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

  /// The first of `places` at which there is a file; of several builds the newest. Else the last if the loader is to look
  /// for it, or the first.
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

/// What an id looks like, in words.
public let pluginIDSyntax =
  "\"publisher.name\" in lower-case letters, digits and '-' with one '.' between"

/// Bytes of an id.
private let longestID = 100

private let idLetters = Set("abcdefghijklmnopqrstuvwxyz0123456789-".utf8)

/// Whether an id is `publisher.name`: lower-case letters, digits and '-', with one '.' between.
public func isPluginID(_ id: String) -> Bool {
  let parts = id.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  return parts.count == 2 && id.utf8.count <= longestID
    && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(idLetters.contains) }
}
