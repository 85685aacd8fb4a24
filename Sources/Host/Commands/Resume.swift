import ArgumentParser
import Foundation
import Pipeline

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Takes up a run that was stopped, and ends it as if it never had been.",
    discussion: """
      The run goes on from its last checkpoint, or from the stage that was under way, with the threads that it was \
      started with. Another pipeline, model or plugin than the run was made with is refused.
      """)

  @Argument(help: "The run's folder: what --output was.")
  var folder: String

  @Flag(name: .long, help: "No progress on stderr.")
  var quiet = false

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = plugins.registry()
    let progress = Console.progress(quiet: quiet)
    defer { progress.end() }
    let summary = try Operations.resume(
      folder: folder, registry: registry, progress: progress,
      cancellation: Interruption.handled(telling: progress))
    Output.text(ResultText.description(of: summary))
  }
}
