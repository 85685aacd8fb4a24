import Foundation
import Wording

/// The page about a comparison, made from nothing but its folder and the runs that it names.
public enum ComparisonReport {
  /// Writes the page, whole or not at all.
  /// - Parameter output: the file; nil for `report.html` in the folder.
  /// - Returns: the file's path.
  /// - Throws: `ReportError` if the folder holds no comparison, or the file can't be written.
  @discardableResult
  public static func write(of folder: String, to output: String? = nil) throws(ReportError) -> String {
    try page(of: folder).write(to: output ?? folder + "/" + RunReport.fileName)
  }

  /// Returns the page of the comparison in `folder`.
  public static func page(of folder: String) throws(ReportError) -> Page {
    page(try Comparison(folder: folder))
  }

  /// Returns the comparison in `folder` as text.
  public static func text(of folder: String, as format: ReportFormat) throws(ReportError) -> String {
    ComparisonTables(try Comparison(folder: folder)).text(as: format)
  }

  /// Returns the comparison in `folder` as text for a terminal.
  public static func terminalText(of folder: String) throws(ReportError) -> String {
    ComparisonTables(try Comparison(folder: folder)).terminal
  }

  package static func page(_ comparison: Comparison) -> Page {
    let tables = ComparisonTables(comparison)
    return Page(
      title: title(comparison), lead: lead(comparison),
      [
        QualitySection.section(comparison, tables), DifferenceSection.section(comparison, tables),
        ComparedLayersSection.section(comparison), ComparedCostSection.section(comparison, tables),
        SamplesSection.section(comparison), ComparedRunsSection.section(comparison),
      ])
  }

  static func title(_ comparison: Comparison) -> String {
    "Comparison in " + URL(fileURLWithPath: comparison.folder).standardizedFileURL.lastPathComponent
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
    "Means over the same items, with the 95% interval of \(HumanFormat.grouped(PairedBootstrap.defaultDraws)) bootstrap "
    + "draws of items (and of seeds, where there are several). Where the interval has zero within it, no difference "
    + "is shown. Each pair is tested by itself: of twenty pairs without a difference, one will seem to have one."
}
