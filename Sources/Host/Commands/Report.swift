import ArgumentParser
import Files
import Pipeline
import Report
import RunRecords

/// `adapt-pruner report`.
struct MakeReport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes the page about a run or a comparison; or prints its numbers for papers and notebooks.",
    discussion: """
      A run writes its page itself, as report.html in its folder, and so does a comparison. This makes it anew from the \
      folder's files, also of a run that is under way or has failed. The page is one file, which opens without a network.

      --format markdown prints tables, csv one line for each metric at each stage of each run, json all of it, of a \
      comparison with the differences between pairs.
      """)

  @Argument(help: "The folder of a run or of a comparison: what --output was.")
  var folder: String

  @Option(
    name: .long, help: ArgumentHelp("html, markdown, csv or json.", valueName: "form"))
  var format = ReportFormat.html

  @Option(
    name: .shortAndLong,
    help:
      "The file to write; - for stdout. Default: report.html in the folder; for other forms than html stdout."
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

  /// Says which file was written. What went to a device, or to stdout by another name, speaks for itself.
  private func tell(_ path: String) throws {
    if case .file = WritePlace(path) { try Output.text(path + "\n") }
  }
}

extension ReportFormat: ExpressibleByArgument {}
