import JSON
import Wording

/// A form in which a report is given out for papers and notebooks.
public enum ReportFormat: String, Sendable, CaseIterable {
  case html, markdown, csv, json
}

/// A table of exact values, to be written as CSV.
package struct DataTable {
  package let columns: [String]
  package private(set) var rows: [[JSONValue]] = []

  package init(_ columns: [String]) { self.columns = columns }

  package mutating func add(_ cells: [JSONValue]) { rows.append(cells) }

  /// RFC 4180, with bare line feeds, as most readers of data write it. What is not known is empty.
  package var csv: String {
    ([columns.map(Self.field)] + rows.map { $0.map(Self.field) })
      .map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private static func field(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .string(let text): field(text)
    default: value.compact
    }
  }

  /// A spreadsheet in a terminal is steered by hidden characters as any text is, so they are escaped.
  private static func field(_ text: String) -> String {
    let text = ShownText.json(text)
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

extension JSONValue {
  /// null where there is none.
  static func optional(_ count: Int?) -> JSONValue { count.map { .integer($0) } ?? .null }
  /// null where there is none, or it isn't finite.
  static func optional(_ value: Double?) -> JSONValue {
    value.map { $0.isFinite ? .number($0) : .null } ?? .null
  }
  /// For a spreadsheet: infinity as most readers of CSV understand it.
  static func cell(_ value: Double?) -> JSONValue {
    guard let value, value.isInfinite else { return optional(value) }
    return .string(value < 0 ? "-inf" : "inf")
  }
  static func optional(_ flag: Bool?) -> JSONValue { flag.map { .bool($0) } ?? .null }
}
