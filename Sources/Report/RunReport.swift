import Foundation
import RunRecords
import Wording

/// The page about one run, made from nothing but the files in its folder.
public enum RunReport {
  /// The name of the page in the run's folder.
  public static let fileName = RunLayout.report

  /// Writes the page of the run in `folder`, whole or not at all.
  /// - Parameter output: the file; nil for `report.html` in the folder.
  /// - Returns: the file's path.
  /// - Throws: `ReportError` if the folder holds no run, or the file can't be written.
  @discardableResult
  public static func write(of folder: String, to output: String? = nil) throws(ReportError) -> String {
    try page(of: folder).write(to: output ?? folder + "/" + fileName)
  }

  /// Returns the page of the run in `folder`.
  public static func page(of folder: String) throws(ReportError) -> Page {
    page(try files(in: folder), folder: folder)
  }

  /// Returns the run in `folder` as text.
  public static func text(of folder: String, as format: ReportFormat) throws(ReportError) -> String {
    let files = try files(in: folder)
    return switch format {
    case .html: page(files, folder: folder).html
    case .markdown: RunTables.markdown(files, title: title(files, folder: folder))
    case .csv: RunTables.csv([ComparedRun(folder: folder, files: files)].map { ($0.method, $0) })
    case .json: RunTables.json(ComparedRun(folder: folder, files: files)).pretty
    }
  }

  private static func files(in folder: String) throws(ReportError) -> RecordedRun {
    do { return try RecordedRun(folder: folder) } catch { throw .records(error) }
  }

  private static func page(_ files: RecordedRun, folder: String) -> Page {
    Page(
      title: title(files, folder: folder), lead: lead(files),
      [
        ResultsSection.section(files), TrainingSection.section(files), LayersSection.section(files),
        CostSection.section(files), IdentitySection.section(files),
      ])
  }

  private static func title(_ files: RecordedRun, folder: String) -> String {
    let name = URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent
    return (files.manifest.name ?? "A run") + " in " + name
  }

  /// How the run ended, and what couldn't be read.
  private static func lead(_ files: RecordedRun) -> [Markup] {
    let description = files.manifest.description ?? ""
    let state: String? =
      switch files.run.state {
      case .finished?: nil
      case .running?:
        "This run was under way when this page was made, or was killed: what follows is what it had done."
      case .interrupted?: "This run was interrupted: what follows is what it had done."
      case .failed?:
        "This run failed: \(files.run.reason ?? "the reason is not known"). "
          + "What follows is what it had done."
      default: "How this run ended is not known."
      }
    return (description.isEmpty ? [] : [.tag("p", description)])
      + ((state.map { [$0] } ?? []) + files.problems).map { .tag("p", ["class": "notice"], $0) }
  }
}
