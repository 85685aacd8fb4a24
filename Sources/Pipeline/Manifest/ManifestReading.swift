import JSON
import PluginRuntime

/// What all readers of one manifest share: whom to blame for a value, and the problems found so far.
package final class ManifestReading {
  /// The manifest's file, as the user named it.
  let file: String
  /// Where relative paths in the manifest start.
  let manifestFolder: String
  /// Where relative paths on the command line start.
  let currentFolder: String
  /// What the command line changed, in the order in which it did.
  let changes: [(path: JSONPath, text: String)]
  private(set) var problems: [ManifestProblem] = []

  init(
    file: String, manifestFolder: String, currentFolder: String,
    changes: [(path: JSONPath, text: String)]
  ) {
    self.file = file
    self.manifestFolder = manifestFolder
    self.currentFolder = currentFolder
    self.changes = changes
  }

  /// Notes a problem. One place is blamed once: what follows from the first mistake is left out.
  func problem(_ path: JSONPath, _ found: String, expected: String = "", advice: String = "") {
    let problem = ManifestProblem(
      source: change(at: path)?.text ?? file, path: path.description, found: found, expected: expected,
      advice: advice)
    if !problems.contains(where: { $0.path == problem.path && $0.found == problem.found }) {
      problems.append(problem)
    }
  }

  /// The folder in which a relative path that stands at `path` starts.
  func folder(for path: JSONPath) -> String { change(at: path) == nil ? manifestFolder : currentFolder }

  private func change(at path: JSONPath) -> (path: JSONPath, text: String)? {
    changes.last { $0.path.contains(path) }
  }
}

/// Reads the members of one JSON object: each accessor notes what is wrong and goes on with its default, so
/// that one reading finds every problem.
package struct ObjectReader {
  let object: JSONObject
  let path: JSONPath
  let reading: ManifestReading

  /// Nil, with a problem noted, if `value` is no object. Keys that are not in `keys` are problems.
  init?(_ value: JSONValue, at path: JSONPath, keys: [String], reading: ManifestReading) {
    guard case .object(let object) = value else {
      reading.problem(path, value.shown, expected: "an object with \(keys.joined(separator: ", "))")
      return nil
    }
    self.init(object, at: path, keys: keys, reading: reading)
  }

  init(_ object: JSONObject, at path: JSONPath, keys: [String], reading: ManifestReading) {
    self.object = object
    self.path = path
    self.reading = reading
    for key in object.keys where !keys.contains(key) {
      reading.problem(
        path.key(key), "unknown key", advice: NearestName.advice(for: key, among: keys, called: "keys"))
    }
  }

  func required(_ key: String, expected: String) -> JSONValue? {
    if let value = object[key] { return value }
    reading.problem(path.key(key), "missing", expected: expected)
    return nil
  }

  func string(_ key: String, default standard: String) -> String {
    value(key, expected: "a string", \.stringValue) ?? standard
  }

  /// A string that isn't empty, if the key is there.
  func optionalString(_ key: String) -> String? {
    value(key, expected: "a string that isn't empty") { $0.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
  }

  func flag(_ key: String, default standard: Bool) -> Bool {
    value(key, expected: "true or false", \.boolValue) ?? standard
  }

  func integer(_ key: String, default standard: Int, in range: ClosedRange<Int>) -> Int {
    let expected =
      range.upperBound == .max
      ? "an integer of at least \(range.lowerBound)"
      : "an integer from \(range.lowerBound) to \(range.upperBound)"
    return value(key, expected: expected) { $0.integerValue.flatMap { range.contains($0) ? $0 : nil } }
      ?? standard
  }

  func number(_ key: String, default standard: Double, in range: ClosedRange<Double>) -> Double {
    value(key, expected: "a number from \(range.lowerBound) to \(range.upperBound)") {
      $0.numberValue.flatMap { range.contains($0) ? $0 : nil }
    } ?? standard
  }

  func number(_ key: String, default standard: Double, above bound: Double) -> Double {
    value(key, expected: "a number above \(bound)") {
      $0.numberValue.flatMap { $0 > bound && $0.isFinite ? $0 : nil }
    } ?? standard
  }

  /// A reader of the object that stands at `key`; nil if there is none.
  func nested(_ key: String, keys: [String]) -> ObjectReader? {
    object[key].flatMap { ObjectReader($0, at: path.key(key), keys: keys, reading: reading) }
  }

  /// nil if the key is absent, or if its value can't be read so, which is told.
  private func value<Value>(_ key: String, expected: String, _ read: (JSONValue) -> Value?) -> Value? {
    guard let value = object[key] else { return nil }
    if let read = read(value) { return read }
    reading.problem(path.key(key), value.shown, expected: expected)
    return nil
  }

  /// One of a closed set of words.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, default standard: Choice
  ) -> Choice {
    guard let value = object[key] else { return standard }
    if let word = value.stringValue.flatMap(Choice.init(rawValue:)) { return word }
    reading.unknownChoice(value, at: path.key(key), of: Choice.allCases.map(\.rawValue))
    return standard
  }
}

extension ManifestReading {
  func unknownChoice(_ value: JSONValue, at path: JSONPath, of words: [String]) {
    let nearest = value.stringValue.flatMap { NearestName.of($0, among: words) }
    problem(
      path, value.shown, expected: words.map { "\"\($0)\"" }.joined(separator: " or "),
      advice: nearest.map { "did you mean \"\($0)\"?" } ?? "")
  }
}

extension JSONValue {
  /// The value itself and what it is, short enough for a sentence: `"ten" is a string`.
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
