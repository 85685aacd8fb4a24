import ArgumentParser
import JSON
import Pipeline
import PluginRuntime

/// `adapt-pruner validate`.
struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks a pipeline without running it: every key, plugin, option and data file.",
    discussion: """
      Prints what would be done, stage by stage. All problems are listed, not just the first.

      With --model it looks at what depends on the model besides: whether targets can be reached, whether there is enough \
      text, whether plugins take the model with these options, whether there is enough memory. Then it says about how \
      long a run takes, and how much memory. run makes the same check before it begins.
      """)

  @OptionGroup var pipeline: PipelineOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The model that the pipeline is to run on: a Hugging Face folder or a GGUF file.", valueName: "path"))
  var model: String?

  @Option(
    name: .long,
    help: ArgumentHelp("The folder that a run would have. It must be missing or empty.", valueName: "dir"))
  var output: String?

  @OptionGroup var lock: LockOptions
  @OptionGroup var work: WorkOptions
  @OptionGroup var plugins: PluginOptions

  @Flag(
    name: .long,
    help: """
      JSON: "valid", and "manifest" with everything filled in (with --model also "estimate") or else "problems".
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
