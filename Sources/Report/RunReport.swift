import Files
import Foundation
import RunRecords
import Wording

/// The page about one run, made of nothing but the files in its folder.
public enum RunReport {
  /// Where a run puts it, within its folder.
  public static let fileName = RunLayout.report

  /// Writes the page of the run in `folder`, whole or not at all.
  /// - Parameter output: the file; nil for `report.html` in the folder.
  /// - Returns: the file's path.
  /// - Throws: `ReportError` if the folder holds no run, or the file can't be written.
  @discardableResult
  public static func write(of folder: String, to output: String? = nil) throws(ReportError) -> String {
    let path = output ?? folder + "/" + fileName
    let page = try page(of: folder)
    do {
      try AtomicFile.write(page.html, to: path)
    } catch {
      throw .file(error)
    }
    return path
  }

  /// The page of the run in `folder`.
  public static func page(of folder: String) throws(ReportError) -> Page {
    page(try RunFiles(folder: folder), folder: folder)
  }

  /// The run in `folder` in another form than its page.
  public static func text(of folder: String, as format: ReportFormat) throws(ReportError) -> String {
    RunTables.text(try RunFiles(folder: folder), folder: folder, as: format)
  }

  static func page(_ files: RunFiles, folder: String) -> Page {
    var page = Page(
      title: title(files, folder: folder), lead: lead(files))
    page.add(ResultsSection.section(files))
    page.add(TrainingSection.section(files))
    page.add(LayersSection.section(files))
    page.add(CostSection.section(files))
    page.add(IdentitySection.section(files))
    return page
  }

  static func title(_ files: RunFiles, folder: String) -> String {
    let name = URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent
    return (files.manifest.name ?? "A run") + " in " + name
  }

  /// How the run ended, and what of it couldn't be read.
  private static func lead(_ files: RunFiles) -> [Markup] {
    var lead: [Markup] = []
    if let text = files.manifest.description, !text.isEmpty { lead.append(.tag("p", text)) }
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
    if let state { lead.append(.tag("p", ["class": "notice"], state)) }
    lead += files.problems.map { .tag("p", ["class": "notice"], $0) }
    return lead
  }
}
