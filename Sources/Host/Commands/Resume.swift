import ArgumentParser
import Foundation
import Pipeline

/// `adapt-pruner resume`.
struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Takes up a run that was stopped, and ends it as if it never had been.",
    discussion: """
      The run goes on from its last checkpoint, or from the stage that was under way, with the threads that it was \
      started with. Another pipeline or model than the run was made with is refused; another plugin, perhaps one \
      that was mended, is told about, and refused with --locked.
      """)

  @Argument(help: "The run's folder: what --output was.")
  var folder: String

  @Flag(name: .long, help: "No progress on stderr.")
  var quiet = false

  @Flag(name: .long, help: "Refuses plugins other than those that the run began with.")
  var locked = false

  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = plugins.registry()
    let progress = Console.progress(quiet: quiet)
    defer { progress.end() }
    let summary = try Operations.resume(
      folder: folder, registry: registry, isLocked: locked, progress: progress,
      cancellation: Interruption.handled(telling: progress))
    try Output.text(ResultText.description(of: summary))
  }
}
