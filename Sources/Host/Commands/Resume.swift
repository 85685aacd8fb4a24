import ArgumentParser
import Pipeline

/// `adapt-pruner resume`.
struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Resumes a run. The result equals that of an uninterrupted one.",
    discussion: """
      The run continues from its last checkpoint, or from the start of the unfinished stage, with the same number of \
      threads. A changed pipeline or model is refused. A changed plugin, perhaps a repaired one, is reported; with \
      --locked it is refused.
      """)

  @Argument(help: "The run's folder, the earlier --output.")
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
