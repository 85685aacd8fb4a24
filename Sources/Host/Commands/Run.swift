import ArgumentParser
import Foundation
import Pipeline

/// `adapt-pruner run`.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a pipeline: prunes, evaluates and saves a model as it says.",
    discussion: """
      Before it begins it looks at all that validate --model looks at. Everything about the run is kept in the output \
      folder: the pipeline with all defaults filled in, metrics, what each iteration removed, and the models that were \
      saved.
      """)

  @OptionGroup var pipeline: PipelineOptions

  @Option(
    name: .long,
    help: ArgumentHelp("The model: a Hugging Face folder or a GGUF file.", valueName: "path"))
  var model: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The run's folder. It must be missing or empty, or hold what a run left that was stopped at its very start.",
      valueName: "dir"))
  var output: String

  @OptionGroup var lock: LockOptions
  @OptionGroup var work: WorkOptions
  @OptionGroup var plugins: PluginOptions

  func run() throws {
    let registry = plugins.registry()
    let manifest = try pipeline.resolve(registry, locked: lock.locked)
    try RunFolder.requireUsable(output)
    let summary = try work.perform { progress, cancellation in
      try Operations.run(
        manifest, registry: registry, modelPath: model, outputPath: output, threads: work.threadCount,
        progress: progress, cancellation: cancellation)
    }
    try Output.text(ResultText.description(of: summary))
  }
}
