import ArgumentParser
import Pipeline

/// `adapt-pruner inspect`.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows a model: architecture, heads and channels by layer, parameters, bytes.")

  @Argument(help: "The model: a Hugging Face folder or a GGUF file.")
  var model: String

  @Flag(name: .long, help: "JSON instead of text.")
  var json = false

  func run() throws {
    let report = try Operations.inspect(modelPath: model)
    if json { try Output.json(report.json) } else { try Output.text(ResultText.description(of: report)) }
  }
}
