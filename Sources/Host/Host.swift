import ArgumentParser
import Foundation
import Pipeline
import Processes
import Tensors

/// The program. Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
@main enum Host {
  static func main() {
    StandardStreams.guardAgainstLoss()
    BLASKernels.takeBest()
    exit(ending())
  }

  /// Does what is asked for.
  /// - Returns: the exit code.
  private static func ending() -> Int32 {
    do {
      var command = try AdaptPruner.parseAsRoot()
      if command is PluginWorkerProcess || command is PluginCheckProcess {
        // What serves a single plugin tells of its end in other ways, and a plugin finds what every process does.
        StandardStreams.restoreSignals()
      } else {
        ap_name_who_ends_process()
      }
      try command.run()
      try Console.finishOutput()
      return 0
    } catch let interrupted as Interrupted {
      Console.writeError("\(Tool.name): \(interrupted)\n")
      return 130
    } catch {
      switch AdaptPruner.exitCode(for: error) {
      // Help and version are asked for by "errors" that are none.
      case .success: return shown(AdaptPruner.fullMessage(for: error))
      case .validationFailure:
        Console.writeError(AdaptPruner.fullMessage(for: error) + "\n")
        return 2
      case let code:
        if !(error is ExitCode) { Console.writeError(Self.sentences(of: error)) }
        return code == .failure ? 1 : code.rawValue
      }
    }
  }

  /// Puts help and the like on stdout.
  private static func shown(_ text: String) -> Int32 {
    do {
      if !text.isEmpty { try Console.writeOutput(text + "\n") }
      try Console.finishOutput()
      return 0
    } catch {
      Console.writeError(Self.sentences(of: error))
      return 1
    }
  }

  /// Each line says whose it is, as compilers' do.
  private static func sentences(of error: any Error) -> String {
    "\(error)".split(separator: "\n").map { line in
      line.hasPrefix(" ") ? "\(line)\n" : "\(Tool.name): \(line)\n"
    }.joined()
  }
}

struct AdaptPruner: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Tool.name,
    abstract: "Makes smaller language models out of larger ones by removing whole structures.",
    discussion: """
      What is removed, and how much from which layer, is decided by plugins, which a pipeline (a JSON file) \
      puts together. To prune a model:

        adapt-pruner run pipelines/adapt-pruner.json --model MODEL --output DIR \\
          --set inputs.calibration=FILE --set inputs.evaluation=FILE

      MODEL is a Hugging Face folder or a GGUF file. Results go to stdout, progress and errors to stderr. Exit \
      codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
      """,
    version: Tool.version,
    subcommands: [
      Run.self, Resume.self, Compare.self, MakeReport.self, Validate.self, Plugins.self, Inspect.self,
      Evaluate.self,
      Generate.self, PluginWorkerProcess.self, PluginCheckProcess.self,
    ])
}
