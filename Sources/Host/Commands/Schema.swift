import ArgumentParser
import Files
import Pipeline
import PluginRuntime

struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the JSON Schema of pipelines, with which editors complete and check them.",
    discussion: """
      It knows the stages with their keys, and the plugins that can be found with their options. Plugins of your own are \
      among these: put the schema beside your pipelines, and name it there as "$schema".
      """)

  @OptionGroup var plugins: PluginOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Prints this page instead, with its tables of keys made anew.", valueName: "page", visibility: .hidden))
  var fill: String?

  func run() throws {
    if let fill {
      let page = String(decoding: try ReadableFile.bytes(of: fill), as: UTF8.self)
      try Output.result(FieldPages.filled(page))
    } else {
      try Output.json(PipelineSchema.json(PluginCatalog(plugins.registry())))
    }
  }
}
