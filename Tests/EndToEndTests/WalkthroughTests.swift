import Foundation
import Testing

/// The transcript in docs/plugins.md, typed as it stands.
@Suite(.enabled(if: Program.isBuilt, Program.missing))
struct WalkthroughTests {
  static let model = ProcessInfo.processInfo.environment["ADAPT_PRUNER_SMOLLM2"] ?? ""
  static let isThere = FileManager.default.fileExists(atPath: model) && Tool.areThere("make", "cc")

  @Test(.enabled(if: isThere, "ADAPT_PRUNER_SMOLLM2 names no model, or make or cc is missing"))
  func aNewcomersFirstHour() throws {
    let scratch = Scratch()
    let guide = try String(
      contentsOf: Support.package.appendingPathComponent("docs/plugins.md"), encoding: .utf8)
    let steps = try Self.steps(of: guide)
    #expect(steps.count > 5)
    let text = (0..<400).map {
      "Line \($0) of a text about rivers, of which there are \($0 * 7 % 13) here.\n"
    }.joined()
    try scratch.write(text, to: "text.txt")
    // One shell, as the newcomer has; what each command printed ends with a line of our own.
    var script = "set -e\n"
    for step in steps { script += "{ \(step.command)\n} 2>&1\necho '\(Self.mark)'\n" }
    try scratch.write(script, to: "script.sh")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["script.sh"]
    process.currentDirectoryURL = scratch.url
    process.environment = [
      "HOME": scratch.url.path, "MODEL": Self.model, "TEXT": scratch.path("text.txt"),
      "PATH": Support.binaries.path + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"),
    ]
    let output = try scratch.write("", to: "output.txt")
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
    try process.run()
    process.waitUntilExit()
    let printed = try String(contentsOfFile: output, encoding: .utf8)
    #expect(process.terminationStatus == 0, "\(printed)")
    let parts = printed.components(separatedBy: Self.mark + "\n")
    for (step, part) in zip(steps, parts) {
      #expect(Self.fits(part, step.expected), "\(step.command) printed:\n\(part)")
    }
    #expect(parts.count == steps.count + 1)
  }

  private static let mark = "---- the next command"

  struct Step {
    /// With its here-document, if it has one.
    var command: String
    /// "…" stands for anything, also for lines.
    var expected: String
  }

  /// The commands behind `$ ` in the block that follows the mark, and what is shown below each.
  static func steps(of guide: String) throws -> [Step] {
    let begin = try #require(guide.range(of: "<!-- walkthrough -->\n```console\n"))
    let end = try #require(guide.range(of: "```", range: begin.upperBound..<guide.endIndex))
    var steps: [Step] = []
    var isInDocument = false
    for line in guide[begin.upperBound..<end.lowerBound].split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      if line.hasPrefix("$ ") {
        steps.append(Step(command: String(line.dropFirst(2)), expected: ""))
        isInDocument = line.hasSuffix("<<'END'")
      } else if isInDocument, !steps.isEmpty {
        steps[steps.count - 1].command += "\n" + line
        isInDocument = line != "END"
      } else if !steps.isEmpty {
        steps[steps.count - 1].expected += line + "\n"
      }
    }
    return steps
  }

  /// Whether the pieces between "…" follow one another in a text, the first at its start.
  static func fits(_ text: String, _ expected: String) -> Bool {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let expected = expected.trimmingCharacters(in: .whitespacesAndNewlines)
    var rest = text[...]
    for (index, piece) in expected.components(separatedBy: "…").enumerated() {
      let words = piece.trimmingCharacters(in: .newlines)
      guard !words.isEmpty else { continue }
      guard let place = rest.range(of: words), index > 0 || place.lowerBound == rest.startIndex else {
        return false
      }
      rest = rest[place.upperBound...]
    }
    return expected.hasSuffix("…") || rest.isEmpty
  }

  @Test func theComparisonItselfKnowsRightFromWrong() {
    #expect(Self.fits("a b\nc d\n", "a…\n…d"))
    #expect(!Self.fits("x a b", "a…"))
    #expect(!Self.fits("a b", "a"))
    #expect(!Self.fits("a b", "a…c"))
    #expect(Self.fits("", ""))
    #expect(!Self.fits("words", ""))
  }
}
