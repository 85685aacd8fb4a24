import ArgumentParser
import PluginTemplates

/// `adapt-pruner plugin new`.
extension Plugins {
  struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Starts a plugin of your own: a folder that builds, with a method that works and its test.",
      discussion: """
        It builds with its language's own tool: make, swift build or cargo build. What it holds is the simplest method of \
        its kind that is one, to be replaced by yours, and the header that says what the host hands in and expects.
        """)

    @Argument(help: "The plugin's id, publisher.name, in lower-case letters, digits and '-'.")
    var id: String

    @Option(name: .long, help: "What it judges.")
    var kind: PluginTemplate.Kind

    @Option(name: .long, help: "What it is written in.")
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

        README.md there tells what the files are.

        """)
    }

    private func template() throws(PluginTemplateError) -> PluginTemplate {
      try PluginTemplate(id: id, kind: kind, language: language)
    }

    /// As a shell takes it for one word and no option.
    private static func quoted(_ path: String) -> String {
      let path = path.hasPrefix("-") ? "./" + path : path
      let isPlain = path.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
          UInt8(ascii: "/"):
          true
        default: false
        }
      }
      return isPlain ? path : "'" + path.replacing("'", with: "'\\''") + "'"
    }
  }
}

extension PluginTemplate.Kind: ExpressibleByArgument {}
extension PluginTemplate.Language: ExpressibleByArgument {}
