import ArgumentParser
import Pipeline
import PluginRuntime

/// The process that `run --isolate` starts for each plugin.
struct PluginWorkerProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Isolation.command, abstract: "Serves a plugin to the program that started it.",
    shouldDisplay: false)

  @Option(name: .long)
  var threads: Int?

  func run() throws { try Operations.serveIsolatedPlugin(threads: threads) }
}
