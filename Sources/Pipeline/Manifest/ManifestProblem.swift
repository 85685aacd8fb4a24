import JSON

/// One mistake in a manifest: its place, what stands there, what should, and what to do.
public struct ManifestProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// The manifest's file, or the argument on the command line (`--set seed=x`).
  public let source: String
  /// The place in the manifest; empty for the whole manifest.
  public let path: String
  /// What is wrong there: `unknown key`, `"ten" is a string`.
  public let found: String
  /// What was expected; empty if nothing was.
  public internal(set) var expected = ""
  /// What to do about it; empty if that is plain.
  public internal(set) var advice = ""

  public var description: String {
    var text = source
    if !path.isEmpty { text += ": " + path }
    text += ": " + found
    if !expected.isEmpty { text += ", expected " + expected }
    if !advice.isEmpty { text += "; " + advice }
    // A line break inside a value is indented, so that it doesn't look like the start of a message.
    return text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ")
      .replacing("\n    ", with: "\n  ")
  }

  public var json: JSONValue {
    [
      "source": .string(source), "path": .string(path), "found": .string(found),
      "expected": .string(expected), "advice": .string(advice),
    ]
  }
}

/// All mistakes in a manifest, in the order in which they were found.
public struct ManifestError: Error, Sendable, Equatable, CustomStringConvertible {
  public let problems: [ManifestProblem]

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}
