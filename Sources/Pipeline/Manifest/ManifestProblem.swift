/// One thing that is wrong with a manifest: where, what stands there, what should, and what to do.
public struct ManifestProblem: Error, Sendable, Equatable, CustomStringConvertible {
  /// Who said it: the manifest's file, or the argument on the command line (`--set seed=x`).
  public let source: String
  /// Where in the manifest; empty for the whole of it.
  public let path: String
  /// What is wrong there: `unknown key`, `"ten" is a string`.
  public let found: String
  /// What was expected; empty if there is nothing to expect.
  public let expected: String
  /// What to do about it; empty if that is plain.
  public let advice: String

  public init(source: String, path: String, found: String, expected: String = "", advice: String = "") {
    self.source = source
    self.path = path
    self.found = found
    self.expected = expected
    self.advice = advice
  }

  public var description: String {
    var text = source
    if !path.isEmpty { text += ": " + path }
    text += ": " + found
    if !expected.isEmpty { text += ", expected " + expected }
    if !advice.isEmpty { text += "; " + advice }
    // A line break in what stands in a manifest begins no sentence of ours.
    return text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\n  ")
      .replacing("\n    ", with: "\n  ")
  }
}

/// Why a manifest can't be run: everything that is wrong with it, in the order in which it was found.
public struct ManifestError: Error, Sendable, Equatable, CustomStringConvertible {
  public let problems: [ManifestProblem]

  public init(problems: [ManifestProblem]) { self.problems = problems }

  public var description: String { problems.map(\.description).joined(separator: "\n") }
}
