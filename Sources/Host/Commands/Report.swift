import ArgumentParser
import Report

struct MakeReport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Writes the page about a run: sizes, metrics, curves, layers, time.",
    discussion: """
      A run writes its page itself, as report.html in its folder. This makes it anew from the folder's files, also of \
      a run that is under way or has failed. The page is one file, which opens without a network.
      """)

  @Argument(help: "The run's folder: what --output was.")
  var folder: String

  @Option(name: .shortAndLong, help: "The page's file. Default: report.html in the folder.")
  var output: String?

  func run() throws {
    Output.text(try RunReport.write(of: folder, to: output) + "\n")
  }
}
