import ArgumentParser
import Foundation
import Pipeline
import Processes
import Tensors

/// The program. Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
@main enum Host {
  static func main() {
    StandardStreams.guardAgainstLoss()
    // Without room a thread of OpenBLAS would wait for memory, and the program would wait for the thread.
    do { try BLASMemory.requireRoom(threads: 1) } catch { end(for: error) }
    BLASKernels.takeBest()
    exit(ending())
  }

  /// Executes the command, and returns the exit code.
  private static func ending() -> Int32 {
    do {
      if let unknown = UnknownCommand(Array(CommandLine.arguments.dropFirst())) {
        Console.writeError("\(Tool.name): \(unknown)\n")
        return 2
      }
      var command = try AdaptPruner.parseAsRoot()
      if command is PluginWorkerProcess || command is PluginCheckProcess {
        // A plugin's own process reports its end in another way, and has the usual signals.
        StandardStreams.restoreSignals()
      } else {
        ap_name_who_ends_process()
      }
      try command.run()
      try Console.finishOutput()
      return 0
    } catch let shortage as BLASMemory.Shortage {
      end(for: shortage)
    } catch let interrupted as Interrupted {
      Console.writeError("\(Tool.name): \(interrupted)\n")
      return 130
    } catch {
      switch AdaptPruner.exitCode(for: error) {
      // The argument parser throws help and version.
      case .success: return shown(AdaptPruner.fullMessage(for: error))
      case .validationFailure:
        Console.writeError(sentence(ofUse: AdaptPruner.fullMessage(for: error)))
        return 2
      case let code:
        if !(error is ExitCode) { Console.writeError(sentences(of: error)) }
        return code == .failure ? 1 : code.rawValue
      }
    }
  }

  /// Writes help and the like to stdout.
  private static func shown(_ text: String) -> Int32 {
    do {
      if !text.isEmpty { try Console.writeOutput(text + "\n") }
      try Console.finishOutput()
      return 0
    } catch {
      Console.writeError(sentences(of: error))
      return 1
    }
  }

  /// Ends at once, without the libraries' exit handlers.
  private static func end(for shortage: BLASMemory.Shortage) -> Never {
    Console.writeError("\(Tool.name): \(shortage)\n")
    _exit(1)
  }

  /// Words the argument parser's message like all other errors, and keeps its usage.
  private static func sentence(ofUse message: String) -> String {
    var text = message[...]
    if text.hasPrefix("Error: ") { text = text.dropFirst("Error: ".count) }
    // The sentence follows the program's name.
    let isWord = text.dropFirst().first?.isLowercase == true
    return "\(Tool.name): " + (isWord ? text.prefix(1).lowercased() : String(text.prefix(1)))
      + text.dropFirst() + "\n"
  }

  /// Begins each line with the program's name, like a compiler.
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
      Plugins decide what to remove, and how much from which layer. A pipeline (a JSON file) combines plugins. \
      To prune a model:

        adapt-pruner run pipelines/adapt-pruner.json --model MODEL --output DIR \\
          --set inputs.calibration=FILE --set inputs.evaluation=FILE

      MODEL is a Hugging Face folder or a GGUF file. Results go to stdout, progress and errors to stderr. Exit \
      codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
      """,
    version: Tool.version,
    subcommands: [
      Run.self, Resume.self, Compare.self, MakeReport.self, Validate.self, Schema.self, Plugins.self,
      Inspect.self, Evaluate.self, Generate.self, PluginWorkerProcess.self, PluginCheckProcess.self,
    ])
}
