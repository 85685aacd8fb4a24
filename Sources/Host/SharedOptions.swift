import ArgumentParser
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Tensors

/// Where plugins are looked for.
struct PluginOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A folder with plugins; goes before all others. May be given several times.",
      discussion: """
        Then come ADAPT_PRUNER_PLUGIN_PATH (folders with colons between), the folder plugins beside the \
        program, and ~/.local/share/adapt-pruner/plugins.
        """, valueName: "dir"))
  var pluginPath: [String] = []

  /// The plugins that there are. Files that can't be read are told about; the others are of use all the same.
  func registry() -> PluginRegistry {
    let registry = PluginRegistry(searching: PluginRegistry.searchPath(explicit: pluginPath))
    let problems = registry.problems
    for problem in problems.prefix(Self.mostWarnings) {
      Console.writeError("\(Tool.name): warning: \(problem)\n")
    }
    if problems.count > Self.mostWarnings {
      let more = problems.count - Self.mostWarnings
      Console.writeError("\(Tool.name): warning: \(more) more of the plugin.json files cannot be used\n")
    }
    return registry
  }

  private static let mostWarnings = 10
}

/// The pipeline, and what of it is changed.
struct PipelineOptions: ParsableArguments {
  @Argument(help: "The pipeline: a JSON file.")
  var pipeline: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Changes a value of the pipeline. May be given several times.",
      discussion: """
        A stage is named by its name, kind or position: inputs.evaluation=text.txt, \
        stages.prune.target.parameters=0.6. The value is JSON, or else taken as text; a path is relative to \
        the current folder.
        """, valueName: "key.path=value"), transform: Override.init(parsing:))
  var set: [Override] = []

  @Option(name: .long, help: "The seed of all random numbers, instead of the pipeline's.")
  var seed: Int?

  @OptionGroup var isolation: IsolationOptions

  /// - Parameter locked: whether plugins have to be those that the pipeline was run with before.
  func resolve(_ registry: PluginRegistry, locked: Bool) throws -> Manifest {
    guard locked else { return try resolve(registry) }
    return try PluginLock(besidePipeline: pipeline).requiring(registry) { try resolve(registry) }
  }

  private func resolve(_ registry: PluginRegistry) throws(ManifestError) -> Manifest {
    var overrides = set
    if let seed { overrides.append(Override(text: "--seed \(seed)", path: ["seed"], value: .integer(seed))) }
    let resolver = ManifestResolver(catalog: PluginCatalog(registry), isolation: isolation.limits)
    return try resolver.resolve(file: pipeline, overrides: overrides)
  }
}

/// Whether plugins have to be those of an earlier run.
struct LockOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: ArgumentHelp(
      "Refuses plugins other than those that the pipeline was run with before.",
      discussion:
        "The pipeline is the manifest.json of a run's folder, beside which run.json names them by SHA-256."))
  var locked = false
}

/// Whether a stranger's code is kept out of this process.
struct IsolationOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: ArgumentHelp(
      "Gives each plugin a process of its own.",
      discussion: """
        A crash there, a call of more than 600 s, loading that takes more than 10 s, or more than 4096 MB of memory is an \
        error instead of the end of the program. Stages that have \"isolate\" themselves stay as they say.
        """))
  var isolate = false

  var limits: Isolation? { isolate ? Isolation() : nil }
}

/// What all commands that compute take.
struct WorkOptions: ParsableArguments {
  @Option(name: .long, help: "Threads to compute with. Default: one for each core.")
  var threads: Int?

  @Flag(name: .long, help: "No progress on stderr.")
  var quiet = false

  var threadCount: Int {
    threads ?? min(ProcessInfo.processInfo.activeProcessorCount, BLASMemory.mostThreads)
  }

  /// Does long work: shows its progress until it ends, however it ends, and lets Ctrl-C stop it.
  func perform<Result>(_ work: (any ProgressReporter, Cancellation) throws -> Result) throws -> Result {
    let progress = Console.progress(quiet: quiet)
    defer { progress.end() }
    try BLASMemory.reserve(threads: threadCount)
    return try work(progress, Interruption.handled(telling: progress))
  }

  func validate() throws {
    let range = 1...BLASMemory.mostThreads
    if let threads, !range.contains(threads) {
      throw ValidationError(
        "--threads \(threads): expected \(range.lowerBound) to \(range.upperBound), best one for each core "
          + "(\(ProcessInfo.processInfo.activeProcessorCount) here)")
    }
  }
}

/// Results, as a person or a program reads them.
enum Output {
  static func json(_ value: JSONValue) throws { try Console.writeJSON(value.pretty) }

  /// - Returns: false if whoever reads stdout has gone away.
  @discardableResult
  static func text(_ text: String) throws -> Bool { try Console.writeOutput(text) }

  /// What was asked for itself, as a file would have it.
  /// - Returns: false if whoever reads stdout has gone away.
  @discardableResult
  static func result(_ text: String) throws -> Bool { try Console.writeResult(text) }
}
