import Foundation
import JSON

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
  /// The library is looked for beside the file, then in the folder above it and the one above that, which is
  /// where a build puts `libX.so` when `plugins/X/plugin.json` lies in the build folder, then in the folders below it where
  /// Swift's and Rust's own tools build.
  static func read(manifest path: String) throws(PluginError) -> [PluginDescription] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .badManifest(path: path, reason: "cannot be read")
    }
    let document: JSONValue
    do { document = try JSONValue(parsing: [UInt8](data)) } catch {
      throw .badManifest(path: path, reason: "\(error)")
    }
    let reader = ManifestReader(path: path)
    let root = try reader.object(document, at: "the file", keys: ["library", "abi", "plugins"])
    let name = try reader.string(root, "library", at: "")
    guard let list = try reader.member(root, "plugins", at: "").arrayValue, !list.isEmpty else {
      throw .badManifest(path: path, reason: "plugins should be an array of at least one plugin")
    }
    var plugins: [PluginDescription] = []
    for (index, entry) in list.enumerated() {
      let place = "plugins[\(index)]"
      let members = try reader.object(
        entry, at: place, keys: ["id", "kind", "version", "summary", "function"])
      let id = try reader.string(members, "id", at: place + ".")
      guard isPluginID(id) else {
        throw .badManifest(path: path, reason: "\(place).id should be \(pluginIDSyntax), but is \"\(id)\"")
      }
      if plugins.contains(where: { $0.id == id }) {
        throw .badManifest(path: path, reason: "\(place).id is \"\(id)\", as another plugin's of this file")
      }
      let kindName = try reader.string(members, "kind", at: place + ".")
      guard let kind = PluginKind(rawValue: kindName) else {
        let known = PluginKind.allCases.map(\.rawValue).joined(separator: ", ")
        throw .badManifest(
          path: path, reason: "\(place).kind should be one of \(known), but is \"\(kindName)\"")
      }
      let function = try reader.function(members, of: kind, at: place + ".")
      let places = places(name, manifest: path, isForeign: function != nil)
      plugins.append(
        PluginDescription(
          id: id, kind: kind, version: try reader.string(members, "version", at: place + "."),
          summary: try reader.string(members, "summary", at: place + "."),
          abi: function == nil ? try reader.abi(root) : .host,
          library: chosen(of: places), lookedFor: places, manifest: path, function: function))
    }
    return plugins
  }

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

/// `publisher.name`: lower-case letters, digits and '-', exactly one '.', neither side empty.
public func isPluginID(_ id: String) -> Bool {
  let parts = id.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
  return parts.count == 2
    && parts.allSatisfy { part in
      !part.isEmpty
        && part.allSatisfy {
          (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
        }
    }
}

/// Typed access with errors that name the file and the place in it.
private struct ManifestReader {
  let path: String

  func object(_ value: JSONValue, at place: String, keys: [String]) throws(PluginError) -> JSONObject {
    guard let object = value.objectValue else {
      throw .badManifest(path: path, reason: "\(place) should be an object, but is \(value.kindName)")
    }
    if let unknown = object.keys.first(where: { !keys.contains($0) }) {
      let hint = NearestName.hint(for: unknown, among: keys)
      throw .badManifest(
        path: path,
        reason: "\(place) has an unknown key \"\(unknown)\".\(hint) Known: \(keys.joined(separator: ", "))")
    }
    return object
  }

  /// The ABI that the library was built for.
  func abi(_ root: JSONObject) throws(PluginError) -> ABIVersion {
    let version = try object(try member(root, "abi", at: ""), at: "abi", keys: ["major", "minor"])
    return ABIVersion(
      major: try integer(version, "major", at: "abi."), minor: try integer(version, "minor", at: "abi."))
  }

  /// How to call a plugin that is a plain function; nil if it is none.
  func function(
    _ plugin: JSONObject, of kind: PluginKind, at place: String
  ) throws(PluginError) -> ForeignSignature? {
    guard let value = plugin["function"] else { return nil }
    guard kind == .criterion else {
      throw .badManifest(
        path: path, reason: "\(place)kind should be criterion, since a plain function can be no other")
    }
    do { return try ForeignSignature(reading: value) } catch {
      let inside = error.place.isEmpty ? "" : "." + error.place
      throw .badManifest(path: path, reason: "\(place)function\(inside) \(error.reason)")
    }
  }

  func member(_ object: JSONObject, _ key: String, at place: String) throws(PluginError) -> JSONValue {
    guard let value = object[key] else { throw .badManifest(path: path, reason: "\(place)\(key) is missing") }
    return value
  }

  func string(_ object: JSONObject, _ key: String, at place: String) throws(PluginError) -> String {
    let value = try member(object, key, at: place)
    guard let text = value.stringValue else {
      throw .badManifest(path: path, reason: "\(place)\(key) should be a string, but is \(value.kindName)")
    }
    return text
  }

  func integer(_ object: JSONObject, _ key: String, at place: String) throws(PluginError) -> Int {
    let value = try member(object, key, at: place)
    guard let number = value.integerValue, number >= 0 else {
      throw .badManifest(
        path: path, reason: "\(place)\(key) should be an integer from 0 up, but is \(value.compact)")
    }
    return number
  }
}
