import ArgumentParser
import Files
import Foundation
import JSON
import Pipeline
import PluginRuntime

/// `adapt-pruner compare`.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compares pipelines or earlier runs, and tests their differences.",
    discussion: """
      For instance:

        adapt-pruner compare pipelines/adapt-pruner.json pipelines/magnitude.json \\
          --model MODEL --output DIR --targets 0.9,0.8,0.7 \\
          --set inputs.calibration=FILE --set inputs.evaluation=FILE

      Each run is an ordinary run in DIR/runs. The runs share the calibration and the evaluation of the unpruned \
      model, which are made once. After a stop, the same command continues: it skips finished runs and resumes \
      unfinished ones. At the end it prints tables and writes DIR/report.html; adapt-pruner report DIR writes the \
      page again. If a run fails, the others go on, and the exit code is 1.

      --set inputs.NAME=FILE changes the pipelines that have the input. Any other key of --set must be in all of them. \
      --seed is the first seed of every pipeline.
      """)

  @Argument(help: "Pipelines (JSON files), and folders of earlier runs.")
  var inputs: [String]

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The model of the pipelines: a Hugging Face folder or a GGUF file.", valueName: "path"))
  var model: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The comparison's folder: missing, empty, or that of an earlier comparison.", valueName: "dir"))
  var output: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Shares of the original model, with commas: 0.9,0.8.",
      discussion: """
        Each pipeline runs once for each share. It replaces the target of every prune or transform stage whose target is a \
        share of the original model, of parameters or of macs. Other targets stay. A pipeline without such a stage is \
        refused.
        """, valueName: "shares"), transform: Shares.init(parsing:))
  var targets: Shares?

  @Option(
    name: .long,
    help: "How many runs of each pipeline and target, with successive seeds from the pipeline's own on.")
  var seeds = 1

  @OptionGroup var changes: ChangeOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A text that every model continues. May be given several times. Default: two short beginnings.",
      valueName: "text"))
  var prompt: [String] = []

  @Option(name: .long, help: "The most tokens of a sample; 0 for no samples.")
  var sampleTokens = 32

  @OptionGroup var work: WorkOptions
  @OptionGroup var plugins: PluginOptions
  @OptionGroup var isolation: IsolationOptions

  func validate() throws {
    if inputs.isEmpty { throw ValidationError("nothing to compare: give pipelines or folders of runs") }
    if seeds < 1 { throw ValidationError("--seeds \(seeds): expected at least 1") }
    if sampleTokens < 0 { throw ValidationError("--sample-tokens \(sampleTokens): expected at least 0") }
  }

  func run() throws {
    let registry = plugins.registry()
    let resolver = ManifestResolver(catalog: PluginCatalog(registry), isolation: isolation.limits)
    let pipelines = try resolver.resolve(
      files: inputs.filter { !Folder.exists($0) }, overrides: changes.overrides)
    let summary = try work.perform { progress, cancellation in
      try Operations.compare(
        pipelines, folders: inputs.filter(Folder.exists), registry: registry, modelPath: model,
        outputPath: output, targets: targets?.values ?? [], seeds: seeds, threads: work.threadCount,
        prompts: prompt.isEmpty ? ["The history of Rome is", "To make bread, first"] : prompt,
        sampleTokens: sampleTokens, progress: progress, cancellation: cancellation)
    }
    try Output.text(summary.text + "\npage    \(summary.report)\nfolder  \(summary.folder)\n")
    if !summary.failures.isEmpty { throw ExitCode.failure }
  }
}

/// `0.9,0.8`: each above 0 and at most 1, none twice.
struct Shares: Equatable {
  struct SyntaxError: Error, CustomStringConvertible {
    let description: String
  }

  let values: [Double]

  init(parsing text: String) throws {
    var values: [Double] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let word = word.trimmingCharacters(in: .whitespaces)
      guard let share = Double(word), share > 0, share <= 1 else {
        throw SyntaxError(description: "\"\(word)\" is no share above 0 and at most 1")
      }
      guard !values.contains(share) else { throw SyntaxError(description: "\(word) is given twice") }
      values.append(share)
    }
    self.values = values
  }
}
