import ArgumentParser
import Pipeline
import PluginRuntime

/// `adapt-pruner plugin`, with `list` and `describe`.
struct Plugins: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plugin", abstract: "Lists the plugins, describes, starts or checks one.",
    subcommands: [List.self, Describe.self, New.self, Check.self], defaultSubcommand: List.self,
    aliases: ["plugins"])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lists the plugins that are found. Loads none.")

    @OptionGroup var plugins: PluginOptions

    @Flag(name: .long, help: "JSON instead of a table.")
    var json = false

    func run() throws {
      let report = PluginReport(plugins.registry())
      if json { try Output.json(report.json) } else { try Output.text(report.text) }
    }
  }

  struct Describe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Shows a plugin's options with types and defaults, its statistics and its paper.")

    @Argument(help: "The plugin's id, as in adapt-pruner.taylor.")
    var id: String

    @OptionGroup var plugins: PluginOptions

    @Flag(name: .long, help: "JSON instead of text.")
    var json = false

    func run() throws {
      // The user may not trust the plugin yet.
      let plugin = try LoadedPlugin(loading: plugins.registry().find(id), isolated: Isolation())
      if json {
        try Output.json(PluginReport.json(of: plugin))
      } else {
        try Output.text(PluginReport.text(of: plugin))
      }
    }
  }
}

/// The process that `run --isolate` starts for each plugin.
struct PluginWorkerProcess: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: Isolation.command, abstract: "Serves a plugin to the program that started it.",
    shouldDisplay: false)

  @Option(name: .long)
  var threads: Int?

  func run() throws { try Operations.serveIsolatedPlugin(threads: threads) }
}
