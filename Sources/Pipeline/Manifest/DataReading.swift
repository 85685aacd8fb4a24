import Foundation
import JSON
import PluginRuntime

/// Reads what a manifest says about data: named inputs, and the places that use them.
struct DataReading {
  let reading: ManifestReading
  let inputs: JSONObject
  /// Inputs whose absence has been told.
  private var missed: Set<String> = []

  /// - Parameter document: the manifest's top level.
  init(_ document: JSONObject, reading: ManifestReading) {
    self.reading = reading
    switch document["inputs"] {
    case nil: inputs = [:]
    case .object(let object)?: inputs = object
    case let other?:
      inputs = [:]
      reading.problem(JSONPath.root.key("inputs"), other.shown, expected: "an object of named inputs")
    }
  }

  /// A path as a string, an object with `path`, or `{"input": NAME}`. Nil, with a problem noted, if it is
  /// none of these or the file can't be read.
  mutating func source(_ value: JSONValue, at path: JSONPath) -> DataSource? {
    if case .object(let object) = value, object["input"] != nil {
      let reader = ObjectReader(object, at: path, keys: ["input"], reading: reading)
      guard let name = reader.optionalString("input") else { return nil }
      return input(name, usedAt: path)
    }
    return file(value, at: path)
  }

  private mutating func input(_ name: String, usedAt user: JSONPath) -> DataSource? {
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
    if let path = value.stringValue {
      return file(["path": value], path: path, at: place, pathPlace: place)
    }
    guard case .object(let object) = value else {
      reading.problem(
        place, value.shown, expected: "a path, an object with \"path\", or {\"input\": NAME}")
      return nil
    }
    let reader = ObjectReader(
      object, at: place, keys: ["path", "format", "field", "name"], reading: reading)
    guard reader.required("path", expected: "a path") != nil,
      let path = reader.optionalString("path")
    else { return nil }
    return file(object, path: path, at: place, pathPlace: place.key("path"))
  }

  private func file(
    _ object: JSONObject, path: String, at place: JSONPath, pathPlace: JSONPath
  ) -> DataSource? {
    let reader = ObjectReader(object, at: place, keys: object.keys, reading: reading)
    let absolute = absolute(path, at: pathPlace)
    let format = format(reader, path: absolute)
    let name = reader.optionalString("name") ?? Self.name(ofFileAt: absolute)
    var isDirectory: ObjCBool = false
    if !FileManager.default.fileExists(atPath: absolute, isDirectory: &isDirectory) {
      reading.problem(pathPlace, "there is no file \(absolute)")
    } else if isDirectory.boolValue {
      reading.problem(pathPlace, "\(absolute) is a folder", expected: "a file")
    } else if !FileManager.default.isReadableFile(atPath: absolute) {
      reading.problem(pathPlace, "\(absolute) can't be read: permission denied")
    } else {
      return DataSource(path: absolute, format: format, name: name)
    }
    return nil
  }

  /// The file of an object with `path`, or with `input` where the pipeline's input is a path. Nil, with a problem noted,
  /// if there is no such file.
  mutating func path(_ reader: ObjectReader) -> String? {
    if reader.object["input"] != nil {
      if reader.object["path"] != nil {
        reading.problem(reader.path, "both \"path\" and \"input\" are given", expected: "one of them")
      }
      let alone: JSONObject = ["input": reader.object["input"] ?? .null]
      return source(.object(alone), at: reader.path)?.path
    }
    guard let value = reader.required("path", expected: "a path, or \"input\": NAME") else { return nil }
    guard value.stringValue != nil else {
      reading.problem(reader.path.key("path"), value.shown, expected: "a path")
      return nil
    }
    return source(value, at: reader.path.key("path"))?.path
  }

  private enum FormatWord: String, CaseIterable { case auto, text, jsonl, ids }

  private func format(_ reader: ObjectReader, path: String) -> DataSource.Format {
    var word = reader.choice("format", default: FormatWord.auto)
    if word == .auto {
      word =
        switch (path as NSString).pathExtension.lowercased() {
        case "jsonl", "ndjson": .jsonl
        case "json": .ids
        default: .text
        }
    }
    let field = reader.optionalString("field")
    if field != nil, word != .jsonl {
      reader.reading.problem(
        reader.path.key("field"), "only JSONL has fields, and this is read as \(word.rawValue)",
        advice: "add \"format\": \"jsonl\", or leave \"field\" out")
    }
    switch word {
    case .jsonl: return .jsonl(field: field ?? "text")
    case .ids: return .ids
    case .auto, .text: return .text
    }
  }

  private func absolute(_ path: String, at place: JSONPath) -> String {
    let expanded = (path as NSString).expandingTildeInPath
    let base = URL(fileURLWithPath: reading.folder(for: place), isDirectory: true)
    return URL(fileURLWithPath: expanded, relativeTo: base).standardizedFileURL.path
  }

  /// The file's name without its extension, with what can't stand in a metric's name replaced.
  private static func name(ofFileAt path: String) -> String {
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    let name = String(stem.map { $0.isLetter || $0.isNumber || "_-".contains($0) ? $0 : "_" })
    return name.isEmpty ? "data" : name
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

  /// Every NAME of `{"input": NAME}`, also where a stage has mistakes that keep it from being read.
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
