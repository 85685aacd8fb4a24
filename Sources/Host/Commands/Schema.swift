import ArgumentParser
import Files
import Pipeline
import PluginRuntime

/// `adapt-pruner schema`.
struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the JSON Schema of pipelines, by which editors complete and check them.",
    discussion: """
      It has the stages with their keys, and the plugins that are found with their options. So it knows plugins of your \
      own too. Put the schema beside your pipelines, and name it there as "$schema".
      """)

  @OptionGroup var plugins: PluginOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Prints this page instead, with new tables of keys.", valueName: "page", visibility: .hidden))
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
