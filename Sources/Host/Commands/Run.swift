import ArgumentParser
import Pipeline

/// `adapt-pruner run`.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a pipeline, which prunes, evaluates and saves a model.",
    discussion: """
      First it makes the checks of validate --model. The output folder gets everything about the run: the pipeline \
      with all defaults, the metrics, the units that each iteration removed, and the saved models.
      """)

  @OptionGroup var pipeline: PipelineOptions

  @Option(
    name: .long,
    help: ArgumentHelp("The model: a Hugging Face folder or a GGUF file.", valueName: "path"))
  var model: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The run's folder. It must be missing or empty, or hold a run that stopped at its very start.",
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
