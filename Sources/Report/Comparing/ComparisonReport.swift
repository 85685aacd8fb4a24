import Files
import Foundation
import Wording

/// The page about a comparison, made of nothing but its folder and the runs that it names.
public enum ComparisonReport {
  /// Writes the page, whole or not at all.
  /// - Parameter output: the file; nil for `report.html` in the folder.
  /// - Returns: the file's path.
  /// - Throws: `ReportError` if the folder holds no comparison, or the file can't be written.
  @discardableResult
  public static func write(of folder: String, to output: String? = nil) throws(ReportError) -> String {
    let path = output ?? folder + "/" + RunReport.fileName
    let page = page(try Comparison(folder: folder))
    do {
      try AtomicFile.write(page.html, to: path)
    } catch {
      throw .file(error)
    }
    return path
  }

  /// The page of the comparison in `folder`.
  public static func page(of folder: String) throws(ReportError) -> Page {
    page(try Comparison(folder: folder))
  }

  /// The comparison in `folder` in another form than its page.
  public static func text(of folder: String, as format: ReportFormat) throws(ReportError) -> String {
    ComparisonTables(try Comparison(folder: folder)).text(as: format)
  }

  /// The same for a terminal.
  public static func terminalText(of folder: String) throws(ReportError) -> String {
    ComparisonTables(try Comparison(folder: folder)).terminal
  }

  package static func page(_ comparison: Comparison) -> Page {
    let tables = ComparisonTables(comparison)
    var page = Page(title: title(comparison), lead: lead(comparison))
    page.add(QualitySection.section(comparison, tables))
    page.add(DifferenceSection.section(comparison, tables))
    page.add(ComparedLayersSection.section(comparison))
    page.add(ComparedCostSection.section(comparison, tables))
    page.add(SamplesSection.section(comparison))
    page.add(ComparedRunsSection.section(comparison))
    return page
  }

  static func title(_ comparison: Comparison) -> String {
    let name = URL(fileURLWithPath: comparison.folder).standardizedFileURL.lastPathComponent
    return "Comparison in " + name
  }

  private static func lead(_ comparison: Comparison) -> [Markup] {
    let methods = comparison.methods
    let count = comparison.pruned.reduce(0) { $0 + $1.runs.count }
    let words =
      "\(methods.count == 1 ? "One method" : "\(methods.count) methods"), "
      + "\(count == 1 ? "one run" : "\(count) runs"): " + methods.joined(separator: ", ") + "."
    return [.tag("p", words)] + comparison.problems.map { .tag("p", ["class": "notice"], $0) }
  }

  static let bootstrapWords =
    "Means over the same items, with the 95% interval of \(HumanFormat.grouped(PairedBootstrap.usualDraws)) bootstrap "
    + "draws of items (and of seeds, where there are several). Where the interval has zero within it, no difference "
    + "is shown. Each pair is tested by itself: of twenty pairs without a difference, one will seem to have one."
}
