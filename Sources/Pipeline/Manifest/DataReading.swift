import Foundation
import JSON
import PluginRuntime

// How a manifest names data: inputs, and the places that use them.

extension StageReading {
  /// Reads a path, an object with `path`, or `{"input": NAME}`. Nil, with a problem noted, if it is none of these or the
  /// file can't be read.
  func source(_ value: JSONValue, at path: JSONPath) -> DataSource? {
    if value.objectValue?["input"] != nil {
      let reader = ObjectReader(value, at: path, keys: ["input"], reading: reading)
      guard let name = reader?.text("input") else { return nil }
      return input(name, usedAt: path)
    }
    return file(value, at: path)
  }

  private func input(_ name: String, usedAt user: JSONPath) -> DataSource? {
    let place = JSONPath.root.key("inputs").key(name)
    guard let value = inputs[name] else {
      reading.problem(
        user.key("input"), "there is no input \"\(name)\"",
        advice: NearestName.advice(for: name, among: inputs.keys, called: "inputs"))
      return nil
    }
    if value == .null {
      if missed.insert(name).inserted {
        reading.problem(
          place, "\(user) needs this input and it isn't given",
          advice: "add --set inputs.\(name)=PATH, a file with text")
      }
      return nil
    }
    return file(value, at: place)
  }

  private func file(_ value: JSONValue, at place: JSONPath) -> DataSource? {
    let fields = DataSource.fields
    let bare = value.stringValue
    guard bare != nil || value.objectValue != nil,
      let reader = ObjectReader(value, short: "path", at: place, keys: fields.keys, reading: reading)
    else {
      reading.problem(
        place, value.shown, expected: "a path, an object with \"path\", or {\"input\": NAME}")
      return nil
    }
    guard reader.required("path", expected: "a path") != nil, let path = bare ?? reader.text("path") else {
      return nil
    }
    let pathPlace = bare == nil ? place.key("path") : place
    var source = fields.blank
    source.path = absolute(path, at: pathPlace)
    fields.read(&source, reader, self)
    var isDirectory: ObjCBool = false
    if !FileManager.default.fileExists(atPath: source.path, isDirectory: &isDirectory) {
      reading.problem(pathPlace, "there is no file \(source.path)")
    } else if isDirectory.boolValue {
      reading.problem(pathPlace, "\(source.path) is a folder", expected: "a file")
    } else if !FileManager.default.isReadableFile(atPath: source.path) {
      reading.problem(pathPlace, "\(source.path) can't be read: permission denied")
    } else {
      return source
    }
    return nil
  }

  /// The file of an object with `path`, or with `input` whose value is a path. Nil, with a problem noted, if there is no
  /// such file.
  func path(_ reader: ObjectReader) -> String? {
    if let name = reader.object["input"] {
      if reader.object["path"] != nil {
        reading.problem(reader.path, "both \"path\" and \"input\" are given", expected: "one of them")
      }
      return source(["input": name], at: reader.path)?.path
    }
    guard let value = reader.required("path", expected: "a path, or \"input\": NAME") else { return nil }
    if value.stringValue != nil { return source(value, at: reader.path.key("path"))?.path }
    reader.problem("path", value.shown, expected: "a path")
    return nil
  }

  private func absolute(_ path: String, at place: JSONPath) -> String {
    let expanded = (path as NSString).expandingTildeInPath
    let base = URL(fileURLWithPath: reading.folder(for: place), isDirectory: true)
    return URL(fileURLWithPath: expanded, relativeTo: base).standardizedFileURL.path
  }

  /// Notes the inputs that nothing uses: setting one would do nothing.
  func reportUnused(in stages: JSONValue) {
    let used = Self.references(in: stages)
    for name in inputs.keys where !used.contains(name) {
      let others = inputs.keys.filter(used.contains)
      reading.problem(
        JSONPath.root.key("inputs").key(name), "no stage uses this input",
        advice: NearestName.advice(for: name, among: others, called: "inputs in use"))
    }
  }

  /// Every NAME of `{"input": NAME}`, also in a stage with mistakes.
  private static func references(in node: JSONValue) -> Set<String> {
    switch node {
    case .array(let elements): return elements.reduce(into: []) { $0.formUnion(references(in: $1)) }
    case .object(let object):
      var found = object.members.reduce(into: Set()) { $0.formUnion(references(in: $1.value)) }
      if let name = object["input"]?.stringValue { found.insert(name) }
      return found
    default: return []
    }
  }
}
