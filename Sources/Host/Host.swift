import ArgumentParser
import Foundation
import Pipeline
import Processes
import Tensors

/// The program. Exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted.
@main enum Host {
  static func main() {
    StandardStreams.guardAgainstLoss()
    // A thread that OpenBLAS began with the program may be waiting for memory by now, and would be waited for at the end.
    do { try BLASMemory.requireRoom(threads: 1) } catch { end(for: error) }
    BLASKernels.takeBest()
    exit(ending())
  }

  /// Does what is asked for.
  /// - Returns: the exit code.
  private static func ending() -> Int32 {
    do {
      if let unknown = UnknownCommand(Array(CommandLine.arguments.dropFirst())) {
        Console.writeError("\(Tool.name): \(unknown)\n")
        return 2
      }
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
    } catch let shortage as BLASMemory.Shortage {
      end(for: shortage)
    } catch let interrupted as Interrupted {
      Console.writeError("\(Tool.name): \(interrupted)\n")
      return 130
    } catch {
      switch AdaptPruner.exitCode(for: error) {
      // Help and version are asked for by "errors" that are none.
      case .success: return shown(AdaptPruner.fullMessage(for: error))
      case .validationFailure:
        Console.writeError(Self.sentence(ofUse: AdaptPruner.fullMessage(for: error)))
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

  /// Ends at once, without what libraries do at the end.
  private static func end(for shortage: BLASMemory.Shortage) -> Never {
    Console.writeError("\(Tool.name): \(shortage)\n")
    _exit(1)
  }

  /// What the argument parser says of a wrong call, as all else here is said: its usage stays.
  private static func sentence(ofUse message: String) -> String {
    var text = message[...]
    if text.hasPrefix("Error: ") { text = text.dropFirst("Error: ".count) }
    // A sentence goes on behind the program's name.
    let isWord = text.dropFirst().first?.isLowercase == true
    return "\(Tool.name): " + (isWord ? text.prefix(1).lowercased() : String(text.prefix(1)))
      + text.dropFirst() + "\n"
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
      Run.self, Resume.self, Compare.self, MakeReport.self, Validate.self, Schema.self, Plugins.self,
      Inspect.self, Evaluate.self, Generate.self, PluginWorkerProcess.self, PluginCheckProcess.self,
    ])
}
