import JSON
import Wording

/// A form of a report for papers and notebooks.
public enum ReportFormat: String, Sendable, CaseIterable {
  case html, markdown, csv, json
}

/// Tables of exact values. RFC 4180, with bare line feeds, as most readers of data write it.
package enum CSV {
  /// What is not known is empty.
  package static func text(_ columns: [String], _ rows: [[JSONValue]]) -> String {
    ([columns.map(field)] + rows.map { $0.map(field) }).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private static func field(_ value: JSONValue) -> String {
    switch value {
    case .null: ""
    case .string(let text): field(text)
    default: value.compact
    }
  }

  /// Hidden characters are escaped: they could steer a terminal that shows the table.
  private static func field(_ text: String) -> String {
    let text = ShownText.json(text)
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}

/// Values that may be unknown, which is null.
extension JSONValue {
  static func optional(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
  static func optional(_ count: Int?) -> JSONValue { count.map { .integer($0) } ?? .null }
  /// A number that isn't finite is null too.
  static func optional(_ value: Double?) -> JSONValue {
    value.map { $0.isFinite ? .number($0) : .null } ?? .null
  }
  /// For a spreadsheet: infinity is written as most readers of CSV understand it.
  static func cell(_ value: Double) -> JSONValue {
    value.isInfinite ? .string(value < 0 ? "-inf" : "inf") : optional(value)
  }
  static func optional(_ flag: Bool?) -> JSONValue { flag.map { .bool($0) } ?? .null }
}
