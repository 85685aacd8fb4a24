import ArgumentParser
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Tensors

/// The folders with plugins.
struct PluginOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A folder with plugins, searched before all others. May be given several times.",
      discussion: """
        The other places are ADAPT_PRUNER_PLUGIN_PATH (folders with colons between), the folder plugins beside \
        the program, and ~/.local/share/adapt-pruner/plugins.
        """, valueName: "dir"))
  var pluginPath: [String] = []

  /// Finds the plugins, and warns about files that can't be read.
  func registry() -> PluginRegistry {
    let registry = PluginRegistry(searching: PluginRegistry.searchPath(explicit: pluginPath))
    let problems = registry.problems
    for problem in problems.prefix(10) { Console.writeError("\(Tool.name): warning: \(problem)\n") }
    if problems.count > 10 {
      Console.writeError(
        "\(Tool.name): warning: \(problems.count - 10) more of the plugin.json files cannot be used\n")
    }
    return registry
  }
}

/// The pipeline, with changes of its values.
struct PipelineOptions: ParsableArguments {
  @Argument(help: "The pipeline: a JSON file.")
  var pipeline: String

  @OptionGroup var changes: ChangeOptions
  @OptionGroup var isolation: IsolationOptions

  /// - Parameter locked: accepts only the plugins of the pipeline's earlier run.
  func resolve(_ registry: PluginRegistry, locked: Bool) throws -> Manifest {
    guard locked else { return try resolve(registry) }
    return try PluginLock(besidePipeline: pipeline).requiring(registry) { try resolve(registry) }
  }

  private func resolve(_ registry: PluginRegistry) throws(ManifestError) -> Manifest {
    let resolver = ManifestResolver(catalog: PluginCatalog(registry), isolation: isolation.limits)
    return try resolver.resolve(file: pipeline, overrides: changes.overrides)
  }
}

/// Changes of a pipeline's values.
struct ChangeOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Changes a value of the pipeline. May be given several times.",
      discussion: """
        A stage has a name, a kind and a position, and KEY.PATH may use any of them: inputs.evaluation=text.txt, \
        stages.prune.target.parameters=0.6. The value is JSON, or else text. A path is relative to the current folder.
        """, valueName: "key.path=value"), transform: Override.init(parsing:))
  var set: [Override] = []

  @Option(name: .long, help: "The seed of all random numbers, instead of the pipeline's.")
  var seed: Int?

  var overrides: [Override] {
    let seeds = [seed].compactMap(\.self)
    return self.set + seeds.map { Override(text: "--seed \($0)", path: ["seed"], value: .integer($0)) }
  }
}

/// Whether a run accepts only the plugins of an earlier run.
struct LockOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: ArgumentHelp(
      "Refuses plugins other than those that the pipeline was run with before.",
      discussion:
        "The pipeline must be the manifest.json of a run's folder. run.json there has the plugins' SHA-256."))
  var locked = false
}

/// Whether plugins have their own processes.
struct IsolationOptions: ParsableArguments {
  @Flag(
    name: .long,
    help: ArgumentHelp(
      "Gives each plugin a process of its own.",
      discussion: """
        A plugin's crash is then an error, and does not end the program. So are a call of more than 600 s, loading of \
        more than 10 s, and more than 4096 MB of memory. A stage with its own \"isolate\" keeps it.
        """))
  var isolate = false

  var limits: Isolation? { isolate ? Isolation() : nil }
}

/// Threads and progress, for all commands that compute.
struct WorkOptions: ParsableArguments {
  @Option(name: .long, help: "Threads to compute with. Default: one for each core.")
  var threads: Int?

  @Flag(name: .long, help: "No progress on stderr.")
  var quiet = false

  var threadCount: Int {
    threads ?? min(ProcessInfo.processInfo.activeProcessorCount, BLASMemory.mostThreads)
  }

  /// Does long work. Shows its progress, and lets Ctrl-C stop it.
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

/// Writes a command's results to stdout.
enum Output {
  static func json(_ value: JSONValue) throws { try Console.writeJSON(value.pretty) }
  static func text(_ text: String) throws { try Console.writeOutput(text) }

  /// Writes a result with the bytes that a file would have.
  /// - Returns: false if the reader of stdout is gone.
  @discardableResult
  static func result(_ text: String) throws -> Bool { try Console.writeResult(text) }
}
