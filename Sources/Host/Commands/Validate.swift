import ArgumentParser
import JSON
import Pipeline
import PluginRuntime

/// `adapt-pruner validate`.
struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks a pipeline without running it: every key, plugin, option and data file.",
    discussion: """
      Prints the work of each stage, or all problems.

      With --model it also checks what depends on the model: whether targets can be reached, whether there is enough \
      text and memory, and whether plugins accept the model with these options. Then it estimates the time and the \
      memory of a run. run makes the same check before it begins.
      """)

  @OptionGroup var pipeline: PipelineOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The model of the pipeline: a Hugging Face folder or a GGUF file.", valueName: "path"))
  var model: String?

  @Option(
    name: .long,
    help: ArgumentHelp("The folder of a later run. It must be missing or empty.", valueName: "dir"))
  var output: String?

  @OptionGroup var lock: LockOptions
  @OptionGroup var work: WorkOptions
  @OptionGroup var plugins: PluginOptions

  @Flag(
    name: .long,
    help: """
      JSON: "valid", and "manifest" with all defaults (with --model also "estimate"), or else "problems".
      """)
  var json = false

  func run() throws {
    let registry = plugins.registry()
    do {
      let manifest = try pipeline.resolve(registry, locked: lock.locked)
      if let output { try RunFolder.requireUsable(output) }
      let estimate = try model.map { model in
        try work.perform { progress, cancellation in
          try Operations.check(
            manifest, registry: registry, modelPath: model, outputPath: output, threads: work.threadCount,
            progress: progress, cancellation: cancellation)
        }
      }
      try tell(manifest, estimate)
    } catch {
      let problems: [ManifestProblem]
      switch error {
      case let error as ManifestError: problems = error.problems
      case let error as WorkRefused: problems = error.manifestProblems(of: pipeline.pipeline)
      default: throw error
      }
      guard json else { throw error }
      try Output.json(["valid": false, "problems": .array(problems.map(\.json))])
      throw ExitCode.failure
    }
  }

  private func tell(_ manifest: Manifest, _ estimate: WorkEstimate?) throws {
    guard json else {
      try Output.text(PipelineText.description(of: manifest))
      if let estimate { try Output.text("\n\(estimate.table)\na run takes \(estimate.summary)\n") }
      return
    }
    var report: JSONObject = ["valid": true, "manifest": manifest.json]
    if let estimate { report["estimate"] = estimate.json }
    try Output.json(.object(report))
  }
}
