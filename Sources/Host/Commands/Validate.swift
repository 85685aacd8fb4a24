import ArgumentParser
import Pipeline
import PluginRuntime

struct Validate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks a pipeline without running it: every key, plugin, option and data file.",
    discussion: "Prints what would be done, stage by stage. All problems are listed, not just the first.")

  @OptionGroup var pipeline: PipelineOptions
  @OptionGroup var plugins: PluginOptions

  @Flag(
    name: .long, help: "JSON: \"valid\", and \"manifest\" with everything filled in or else \"problems\".")
  var json = false

  func run() throws {
    let manifest: Manifest
    do throws(ManifestError) {
      manifest = try pipeline.resolve(plugins.registry())
    } catch {
      guard json else { throw error }
      try Output.json(["valid": false, "problems": .array(error.problems.map(\.json))])
      throw ExitCode.failure
    }
    if json {
      try Output.json(["valid": true, "manifest": manifest.json])
    } else {
      try Output.text(PipelineText.description(of: manifest))
    }
  }
}
