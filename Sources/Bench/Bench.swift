import ArgumentParser
import JSON
import Pipeline
import PluginRuntime
import Tensors

/// The benchmark's worker. The driver (scripts/bench/bench.py) sends it one JSON object a line, and does the same with a
/// peer in PyTorch. stdout has answers alone.
@main struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapt-pruner-bench",
    abstract: "Times the passes of pruning on given token ids.",
    discussion: """
      Reads one JSON object a line from stdin and answers each with one line:

        {"command": "calibrate", "ids": [[…]], "batch_size": 16}
        {"command": "forward", "ids": [[…]]}
        {"command": "train", "ids": [[…]], "learning_rate": 1e-5}
        {"command": "sgemm"}
        {"command": "quit"}

      The answer to a failed command is {"error": "…"}.
      """)

  static func main() {
    BLASKernels.takeBest()
    Self.main(nil)
  }

  @Option(help: ArgumentHelp("The model: a Hugging Face folder or a GGUF file.", valueName: "path"))
  var model: String

  @Option(help: "Threads to compute with. Default: one for each core.")
  var threads: Int?

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): expected at least 1") }
  }

  func run() throws {
    do {
      let passes = try Passes(modelPath: model, threads: threads)
      while let line = readLine() {
        if line.allSatisfy(\.isWhitespace) { continue }
        let answer: JSONObject
        do {
          let command = try Command(parsing: line)
          if case .quit = command { break }
          answer = try passes.answer(to: command)
        } catch {
          answer = ["error": .string("\(error)")]
        }
        try Console.writeJSON(JSONValue.object(answer).compact + "\n")
      }
    } catch {
      Console.writeError("adapt-pruner-bench: \(error)\n")
      throw ExitCode.failure
    }
  }
}
