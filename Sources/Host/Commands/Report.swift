import ArgumentParser
import Files
import Pipeline
import Report
import RunRecords

/// `adapt-pruner report`.
struct MakeReport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes the page about a run or a comparison, or prints its numbers for papers and notebooks.",
    discussion: """
      Runs and comparisons write their page themselves, as report.html in their folder. This command writes it again \
      from the folder's files, even while a run goes on or after it failed. The page is one file and needs no network.

      --format markdown prints tables. csv prints one line for each metric of each stage and run. json prints \
      everything, with the differences between the pairs of a comparison.
      """)

  @Argument(help: "The folder of a run or of a comparison, the earlier --output.")
  var folder: String

  @Option(
    name: .long, help: ArgumentHelp("html, markdown, csv or json.", valueName: "form"))
  var format = ReportFormat.html

  @Option(
    name: .shortAndLong,
    help:
      "The file to write; - for stdout. Default: report.html in the folder for html, otherwise stdout."
  )
  var output: String?

  func run() throws {
    let isComparison = ComparisonRecord.isIn(folder)
    if format == .html {
      if output == "-" {
        let page = isComparison ? try ComparisonReport.page(of: folder) : try RunReport.page(of: folder)
        try Output.result(page.html)
        return
      }
      let path =
        isComparison
        ? try ComparisonReport.write(of: folder, to: output) : try RunReport.write(of: folder, to: output)
      try tell(path)
      return
    }
    let text =
      isComparison
      ? try ComparisonReport.text(of: folder, as: format) : try RunReport.text(of: folder, as: format)
    if let output, output != "-" {
      try AtomicFile.write(text, to: output)
      try tell(output)
    } else if format == .json {
      try Console.writeJSON(text)
    } else {
      try Output.result(text)
    }
  }

  /// Prints the path of the written file, unless it is a device or another name of stdout.
  private func tell(_ path: String) throws {
    if case .file = WritePlace(path) { try Output.text(path + "\n") }
  }
}

extension ReportFormat: ExpressibleByArgument {}
