import JSON
import PluginRuntime

/// The state that all readers of one manifest share: the source of each value, and the problems found so far.
package final class ManifestReading {
  /// The manifest's file, as the user named it.
  let file: String
  /// Relative paths in the manifest start here.
  let manifestFolder: String
  /// Relative paths on the command line start here.
  let currentFolder: String
  /// The changes that the command line made, in its order.
  let changes: [(path: JSONPath, text: String)]
  private(set) var problems: [ManifestProblem] = []

  init(
    file: String, manifestFolder: String, currentFolder: String,
    changes: [(path: JSONPath, text: String)] = []
  ) {
    (self.file, self.changes) = (file, changes)
    (self.manifestFolder, self.currentFolder) = (manifestFolder, currentFolder)
  }

  /// Notes a problem, unless the same one is known for this place.
  func problem(_ path: JSONPath, _ found: String, expected: String = "", advice: String = "") {
    let problem = ManifestProblem(
      source: change(at: path)?.text ?? file, path: path.description, found: found, expected: expected,
      advice: advice)
    if !problems.contains(where: { $0.path == problem.path && $0.found == problem.found }) {
      problems.append(problem)
    }
  }

  /// Notes a value that is not one of `words`.
  func unknownChoice(_ value: JSONValue, at path: JSONPath, of words: [String]) {
    let nearest = value.stringValue.flatMap { NearestName.of($0, among: words) }
    problem(
      path, value.shown, expected: words.map { "\"\($0)\"" }.joined(separator: " or "),
      advice: nearest.map { "did you mean \"\($0)\"?" } ?? "")
  }

  /// What `read` makes of a list's elements. Notes an empty list. Nil, with a problem noted, if `value` is no list.
  func list<Element>(
    _ value: JSONValue, at path: JSONPath, expected: String, of kind: String,
    _ read: (JSONValue, JSONPath) -> Element?
  ) -> [Element]? {
    guard let elements = value.arrayValue else {
      problem(path, value.shown, expected: expected)
      return nil
    }
    if elements.isEmpty { problem(path, "the list is empty", expected: "at least one \(kind)") }
    return elements.enumerated().compactMap { read($1, path.index($0)) }
  }

  /// The folder in which a relative path that stands at `path` starts.
  func folder(for path: JSONPath) -> String { change(at: path) == nil ? manifestFolder : currentFolder }

  private func change(at path: JSONPath) -> (path: JSONPath, text: String)? {
    changes.last { $0.path.contains(path) }
  }
}

/// Reads the members of one JSON object. Each accessor returns nil for an absent key. It also returns nil for a wrong
/// value, which it notes, so that one reading finds every problem.
package struct ObjectReader {
  let object: JSONObject
  let path: JSONPath
  let reading: ManifestReading

  /// Nil, with a problem noted, if `value` is no object. Keys that are not in `keys` are problems.
  /// - Parameter short: the key whose value may stand for the object, as a string.
  init?(
    _ value: JSONValue, short: String? = nil, at path: JSONPath, keys: [String], reading: ManifestReading
  ) {
    if let short, value.stringValue != nil {
      object = [short: value]
    } else if case .object(let object) = value {
      self.object = object
    } else {
      reading.problem(path, value.shown, expected: "an object with \(keys.joined(separator: ", "))")
      return nil
    }
    (self.path, self.reading) = (path, reading)
    for key in object.keys where !keys.contains(key) {
      problem(key, "unknown key", advice: NearestName.advice(for: key, among: keys, called: "keys"))
    }
  }

  /// Notes a problem of the value at `key`.
  func problem(_ key: String, _ found: String, expected: String = "", advice: String = "") {
    reading.problem(path.key(key), found, expected: expected, advice: advice)
  }

  func required(_ key: String, expected: String) -> JSONValue? {
    if let value = object[key] { return value }
    problem(key, "missing", expected: expected)
    return nil
  }

  func string(_ key: String) -> String? { value(key, expected: "a string", \.stringValue) }

  /// A string that isn't empty.
  func text(_ key: String) -> String? {
    value(key, expected: "a string that isn't empty") { $0.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
  }

  func flag(_ key: String) -> Bool? { value(key, expected: "true or false", \.boolValue) }

  func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
    let expected =
      range.upperBound == .max
      ? "an integer of at least \(range.lowerBound)"
      : "an integer from \(range.lowerBound) to \(range.upperBound)"
    return value(key, expected: expected) { $0.integerValue.flatMap { range.contains($0) ? $0 : nil } }
  }

  func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
    value(key, expected: "a number from \(range.lowerBound) to \(range.upperBound)") {
      $0.numberValue.flatMap { range.contains($0) ? $0 : nil }
    }
  }

  func number(_ key: String, above bound: Double) -> Double? {
    value(key, expected: "a number above \(bound)") {
      $0.numberValue.flatMap { $0 > bound && $0.isFinite ? $0 : nil }
    }
  }

  /// One of a closed set of words.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(_ key: String) -> Choice? {
    guard let value = object[key] else { return nil }
    if let word = value.stringValue.flatMap(Choice.init(rawValue:)) { return word }
    reading.unknownChoice(value, at: path.key(key), of: Choice.allCases.map(\.rawValue))
    return nil
  }

  /// A reader of the object that stands at `key`.
  func nested(_ key: String, keys: [String]) -> ObjectReader? {
    object[key].flatMap { ObjectReader($0, at: path.key(key), keys: keys, reading: reading) }
  }

  func value<Value>(_ key: String, expected: String, _ read: (JSONValue) -> Value?) -> Value? {
    guard let value = object[key] else { return nil }
    if let read = read(value) { return read }
    problem(key, value.shown, expected: expected)
    return nil
  }
}

extension JSONValue {
  /// The value itself and its type, short enough for a sentence: `"ten" is a string`.
  var shown: String {
    switch self {
    case .null: return "null"
    case .object, .array: return "this is \(kindName)"
    case .bool, .integer, .number, .string:
      let text = compact
      return (text.count > 60 ? text.prefix(57) + "…" : text) + " is \(kindName)"
    }
  }
}
