import Foundation
import JSON
import Wording

/// Reads the members of a `plugin.json`. Errors name the file and the place in it.
struct ManifestReader {
  let path: String

  /// The most bytes of a text: those of a path.
  private static let longestText = 4096

  func wrong(_ reason: String) -> PluginError { .badManifest(path: path, reason: reason) }

  func object(_ value: JSONValue, at place: String, keys: [String]) throws(PluginError) -> JSONObject {
    guard let object = value.objectValue else {
      throw wrong("\(place) should be an object, but is \(value.kindName)")
    }
    if let unknown = object.keys.first(where: { !keys.contains($0) }) {
      let hint = NearestName.hint(for: unknown, among: keys)
      throw wrong(
        "\(place) has an unknown key \"\(ShownText.value(unknown))\".\(hint) Known: \(keys.joined(separator: ", "))"
      )
    }
    return object
  }

  /// The ABI that the library was built for.
  func abi(_ root: JSONObject) throws(PluginError) -> ABIVersion {
    let version = try object(try member(root, "abi", at: ""), at: "abi", keys: ["major", "minor"])
    return ABIVersion(
      major: try integer(version, "major", at: "abi."), minor: try integer(version, "minor", at: "abi."))
  }

  /// How to call a plugin that is a plain function; nil for other plugins.
  func function(
    _ plugin: JSONObject, of kind: PluginKind, at place: String, _ offered: StatisticRegistry
  ) throws(PluginError) -> ForeignSignature? {
    guard let value = plugin["function"] else { return nil }
    guard kind == .criterion else {
      throw wrong("\(place)kind should be criterion, since a plain function can be no other")
    }
    do { return try ForeignSignature(reading: value, offered) } catch {
      let inside = error.place.isEmpty ? "" : "." + error.place
      throw wrong("\(place)function\(inside) \(error.reason)")
    }
  }

  func member(_ object: JSONObject, _ key: String, at place: String) throws(PluginError) -> JSONValue {
    guard let value = object[key] else { throw wrong("\(place)\(key) is missing") }
    return value
  }

  func string(_ object: JSONObject, _ key: String, at place: String) throws(PluginError) -> String {
    let value = try member(object, key, at: place)
    guard let text = value.stringValue else {
      throw wrong("\(place)\(key) should be a string, but is \(value.kindName)")
    }
    if text.utf8.count > Self.longestText {
      throw wrong("\(place)\(key) has \(text.utf8.count) bytes, and may have \(Self.longestText)")
    }
    if text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      throw wrong("\(place)\(key) has control characters: \"\(ShownText.value(text))\"")
    }
    return text
  }

  /// The options with which `plugin check` makes instances.
  func checkOptions(_ plugin: JSONObject, at place: String) throws(PluginError) -> JSONObject {
    guard let value = plugin["check"] else { return [:] }
    let check = try object(value, at: place + "check", keys: ["options"])
    let options = try member(check, "options", at: place + "check.")
    guard let members = options.objectValue else {
      throw wrong("\(place)check.options should be an object, but is \(options.kindName)")
    }
    return members
  }

  func integer(_ object: JSONObject, _ key: String, at place: String) throws(PluginError) -> Int {
    let value = try member(object, key, at: place)
    guard let number = value.integerValue, number >= 0 else {
      throw wrong("\(place)\(key) should be an integer from 0 up, but is \(value.summary)")
    }
    return number
  }
}

/// Reads the bytes of a `plugin.json`. Each command reads all files of the search path, so their size is limited.
enum ManifestFile {
  static let mostBytes = 1 << 20

  static func read(_ path: String) throws(PluginError) -> [UInt8] {
    // Without O_NONBLOCK, a named pipe without a writer would block.
    let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .badManifest(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var state = stat()
    guard fstat(descriptor, &state) == 0, state.st_mode & S_IFMT == S_IFREG else {
      throw .badManifest(path: path, reason: "is no regular file")
    }
    guard state.st_size <= mostBytes else {
      throw .badManifest(path: path, reason: "has \(state.st_size) bytes, and may have \(mostBytes)")
    }
    // One byte more shows whether the file grows meanwhile.
    var bytes = [UInt8](repeating: 0, count: Int(state.st_size) + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count, off_t(count))
      }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else {
        throw .badManifest(path: path, reason: "cannot be read: \(String(cString: strerror(errno)))")
      }
      if more == 0 { break }
      count += more
    }
    return Array(bytes[..<count])
  }
}
