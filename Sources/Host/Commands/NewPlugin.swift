import ArgumentParser
import PluginTemplates

/// `adapt-pruner plugin new`.
extension Plugins {
  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Starts a plugin of your own: a folder that builds, with a working method and its test.",
      discussion: """
        It builds with its language's own tool: make, swift build or cargo build. It holds the simplest method of its \
        kind, which you replace by yours, and the header of the plugin ABI.
        """)

    @Argument(help: "The plugin's id, publisher.name, in lower-case letters, digits and '-'.")
    var id: String

    @Option(name: .long, help: "The kind of plugin.")
    var kind: PluginTemplate.Kind

    @Option(name: .long, help: "The language.")
    var language: PluginTemplate.Language

    @Option(
      name: .shortAndLong,
      help: ArgumentHelp(
        "The folder to make. Default: the id's second part, in the current folder.", valueName: "dir"))
    var output: String?

    func validate() throws {
      do { _ = try template() } catch { throw ValidationError("\(error)") }
      if output?.isEmpty == true { throw ValidationError("--output is empty") }
    }

    func run() throws {
      let template = try template()
      let folder = output ?? template.title
      try template.write(to: folder)
      try Output.text(
        """
        \(folder) holds \(template.id), \(template.kindWithArticle) in \(template.tools.language). What to type next:

          cd \(Self.quoted(folder))
          \(template.tools.build)
          \(template.tools.test)
          adapt-pruner plugin check .
          \(template.use)

        README.md there explains the files.

        """)
    }

    private func template() throws(PluginTemplateError) -> PluginTemplate {
      try PluginTemplate(id: id, kind: kind, language: language)
    }

    /// Quotes a path so that a shell takes it for one word and no option.
    private static func quoted(_ path: String) -> String {
      let path = path.hasPrefix("-") ? "./" + path : path
      let isPlain = path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-/".contains($0)) }
      return isPlain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
    }
  }
}

extension PluginTemplate.Kind: ExpressibleByArgument {}
extension PluginTemplate.Language: ExpressibleByArgument {}
