import JSON
import PluginRuntime

/// One change to a manifest from the command line: `--set stages.prune.target.parameters=0.6`.
public struct Override: Sendable, Equatable {
  /// The argument as the user gave it, for messages.
  public let text: String
  /// Keys, positions in lists, and names of stages.
  public let path: [String]
  public let value: JSONValue

  public init(text: String, path: [String], value: JSONValue) {
    (self.text, self.path, self.value) = (text, path, value)
  }

  /// Why an argument of `--set` can't be read.
  public struct SyntaxError: Error, Equatable, CustomStringConvertible {
    public var description: String {
      "expected key.path=value, as in seed=7 or stages.prune.target.parameters=0.6"
    }
  }

  /// Reads `key.path=value`. The path may also be written as in messages: `stages[1].name`. A value that isn't JSON is a
  /// string.
  public init(parsing argument: String) throws(SyntaxError) {
    guard let equals = argument.firstIndex(of: "=") else { throw SyntaxError() }
    let path = argument[..<equals].replacing("[", with: ".").replacing("]", with: "")
      .split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard path.allSatisfy({ !$0.isEmpty }) else { throw SyntaxError() }
    let value = String(argument[argument.index(after: equals)...])
    self.init(
      text: "--set \(argument)", path: path, value: (try? JSONValue(parsing: value)) ?? .string(value))
  }
}

extension Override {
  /// Changes `document`, and returns the changed place.
  func apply(to document: inout JSONValue) throws(ManifestProblem) -> JSONPath {
    try set(path[...], in: &document, at: .root, StageNames.all(in: document))
  }

  private func set(
    _ rest: ArraySlice<String>, in node: inout JSONValue, at place: JSONPath, _ names: [JSONPath: String]
  ) throws(ManifestProblem) -> JSONPath {
    guard let segment = rest.first else {
      node = value
      return place
    }
    node = Self.written(out: node, at: place)
    switch node {
    case .object(var object):
      // A new key is allowed here. The manifest is checked afterwards.
      var child = object[segment] ?? .object([:])
      let changed = try set(rest.dropFirst(), in: &child, at: place.key(segment), names)
      object[segment] = child
      node = .object(object)
      return changed
    case .array(var elements):
      let index = try position(of: segment, in: elements, at: place, names)
      var child = elements[index]
      let changed = try set(rest.dropFirst(), in: &child, at: place.index(index), names)
      elements[index] = child
      node = .array(elements)
      return changed
    case .null, .bool, .integer, .number, .string:
      throw problem(place, "\(node.shown) and has no \"\(segment)\" within")
    }
  }

  /// The long form of a short one (`"target": 0.8`, `"data": "file.txt"`, null), whose parts can be set.
  private static func written(out node: JSONValue, at place: JSONPath) -> JSONValue {
    switch (node, place.segments.last) {
    case (.null, _?): return [:]
    case (.integer, .key("target")), (.number, .key("target")): return ["parameters": node]
    case (.string, .key("data")): return ["path": node]
    case (.string, _) where place.segments.count == 2 && place.segments.first == .key("inputs"):
      return ["path": node]
    default: return node
    }
  }

  private func position(
    of segment: String, in elements: [JSONValue], at place: JSONPath, _ names: [JSONPath: String]
  ) throws(ManifestProblem) -> Int {
    if let index = Int(segment) {
      if elements.indices.contains(index) { return index }
      throw problem(
        place, "there is no element \(index)",
        expected: elements.isEmpty ? "elements; the list is empty" : "0 to \(elements.count - 1)")
    }
    let names = elements.indices.map { names[place.index($0)] }
    if let index = names.firstIndex(of: segment) { return index }
    let ofKind = elements.indices.filter { elements[$0]["stage"]?.stringValue == segment }
    if ofKind.count == 1, let index = ofKind.first { return index }
    if ofKind.isEmpty {
      let advice = NearestName.advice(for: segment, among: names.compactMap(\.self), called: "stages")
      throw problem(place, "there is no stage \"\(segment)\"", advice: advice)
    }
    throw problem(
      place, "there are \(ofKind.count) stages of the kind \"\(segment)\"",
      advice: "say which: \(ofKind.compactMap { names[$0] }.joined(separator: ", "))")
  }

  private func problem(_ place: JSONPath, _ found: String, expected: String = "", advice: String = "")
    -> ManifestProblem
  {
    ManifestProblem(
      source: text, path: place.description, found: found, expected: expected, advice: advice)
  }
}
