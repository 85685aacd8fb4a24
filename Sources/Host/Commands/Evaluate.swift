import ArgumentParser
import Pipeline
import PluginRuntime

/// `adapt-pruner evaluate`.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures a model with one or more evaluators.",
    discussion: """
      For instance:

        adapt-pruner evaluate MODEL \\
          --evaluator adapt-pruner.perplexity:data=text.txt,window=512
      """)

  @Argument(help: "The model: a Hugging Face folder or a GGUF file.")
  var model: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "An evaluator with its options. May be given several times.",
      discussion: """
        Put a value with a comma in double quotes. adapt-pruner plugin describe ID lists the options.
        """, valueName: "id[:key=value,…]"),
    transform: EvaluatorArgument.init(parsing:))
  var evaluator: [EvaluatorArgument] = []

  @Option(name: .long, help: "The seed of all random numbers.")
  var seed = 0

  @OptionGroup var work: WorkOptions
  @OptionGroup var plugins: PluginOptions
  @OptionGroup var isolation: IsolationOptions

  @Flag(name: .long, help: "JSON instead of a table, with every item's value.")
  var json = false

  func validate() throws {
    if evaluator.isEmpty { throw ValidationError("--evaluator is missing: what is to be measured?") }
    if seed < 0 { throw ValidationError("--seed \(seed): expected at least 0") }
  }

  func run() throws {
    let registry = plugins.registry()
    let stage = try EvaluatorArgument.resolve(
      evaluator, with: ManifestResolver(catalog: PluginCatalog(registry), isolation: isolation.limits))
    let records = try work.perform { progress, cancellation in
      try Operations.evaluate(
        stage, registry: registry, modelPath: model, seed: seed, threads: work.threadCount,
        progress: progress, cancellation: cancellation)
    }
    if json {
      try Output.json(["evaluations": .array(records.map(\.json))])
    } else {
      try Output.text(ResultText.metrics(records))
    }
  }
}
