import ArgumentParser
import JSON
import Pipeline
import PluginChecks
import PluginRuntime

/// `adapt-pruner plugin check`.
extension Plugins {
  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tries to break a plugin in its own process, and reports its faults.",
      discussion: """
        Each check has a name and a claim. A failed check also says what was found and what to do. A strictness \
        includes all checks of lower strictnesses. The exit code is 1 if a check fails.
        """)

    @Argument(help: "A plugin's folder, or its plugin.json.")
    var path: String

    @Option(name: .long, help: "From 1, the plainest checks, to 10.")
    var strictness = 5

    @Option(name: .long, help: ArgumentHelp("The most seconds that a check may take.", valueName: "seconds"))
    var timeLimit = 60.0

    @Flag(name: .long, help: "JSON instead of text.")
    var json = false

    func validate() throws {
      let range = Examination.strictnesses
      if !range.contains(strictness) {
        throw ValidationError(
          "--strictness \(strictness): expected \(range.lowerBound) to \(range.upperBound)")
      }
      if !(timeLimit > 0 && timeLimit <= 1e9) {
        throw ValidationError("--time-limit \(timeLimit): expected more than 0, and at most a billion")
      }
    }

    func run() throws {
      let examination = Examination(strictness: strictness, timeLimit: timeLimit)
      var reports: [CheckedPluginReport] = []
      for plugin in try found() {
        if !json { try Output.text("\(plugin.id) (\(plugin.kind.rawValue), \(plugin.library))\n") }
        var lost: (any Error)?
        let report = try examination.examine(plugin) { result in
          guard !json, lost == nil else { return }
          do { try Output.text(result.text) } catch { lost = error }
        }
        if let lost { throw lost }
        if !json { try Output.text("\(report.id): \(report.summary)\n\n") }
        reports.append(report)
      }
      if json {
        try Output.json([
          "strictness": .integer(strictness), "passed": .bool(reports.allSatisfy(\.isPassed)),
          "plugins": .array(reports.map(\.json)),
        ])
      }
      if !reports.allSatisfy(\.isPassed) { throw ExitCode.failure }
    }

    private func found() throws -> [PluginDescription] {
      do { return try PluginRegistry.plugins(at: path) } catch {
        if json {
          try Output.json([
            "strictness": .integer(strictness), "passed": false, "plugins": [], "error": .string("\(error)"),
          ])
        }
        throw error
      }
    }
  }
}

/// The process that `plugin check` starts for each plugin.
struct PluginCheckProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: CheckProcess.command, abstract: "Checks a plugin for the program that started it.",
    shouldDisplay: false)

  @Argument var id: String
  @Argument var manifest: String
  @Option var strictness: Int
  @Option var from: String

  func run() throws {
    CheckProcess.examine(
      id, in: manifest, strictness: strictness, from: from, services: Operations.arithmetic(threads: 1),
      data: Operations.testData)
  }
}
