/// A table with aligned columns, for a terminal or for Markdown.
public struct TextTable: Sendable {
  /// The side on which a column's cells meet: words left, numbers right.
  public enum Alignment: Sendable { case left, right }

  public struct Column: Sendable {
    public let title: String
    public let alignment: Alignment

    /// The title is escaped: the name of a metric may come from a file.
    public init(_ title: String, _ alignment: Alignment = .left) {
      self.title = ShownText.oneLine(title)
      self.alignment = alignment
    }
  }

  public let columns: [Column]
  public private(set) var rows: [[String]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  /// Adds a row. Missing cells are empty, and cells beyond the last column are left out. Hidden characters are escaped
  /// before widths are counted.
  public mutating func add(_ cells: [String]) {
    let kept = cells.prefix(columns.count).map(ShownText.oneLine)
    rows.append(kept + Array(repeating: "", count: columns.count - kept.count))
  }

  /// The table for a terminal: columns two spaces apart, no trailing spaces.
  public var plain: String { plain(width: nil) }

  /// - Parameter limit: the longest line. Longer ones are cut, and end with `…`.
  public func plain(width limit: Int?) -> String {
    let widths = columnWidths(of: { $0 })
    let lines = [columns.map(\.title)] + rows
    return lines.map { cells in
      let line = zip(zip(cells, widths), columns)
        .map { pad($0.0, to: $0.1, $1.alignment) }.joined(separator: "  ")
      let trimmed = String(line.reversed().drop { $0 == " " }.reversed())
      guard let limit, trimmed.count > limit else { return trimmed + "\n" }
      return trimmed.prefix(limit - 1) + "…\n"
    }.joined()
  }

  /// The table in GitHub's Markdown.
  public var markdown: String {
    func safe(_ cell: String) -> String { Self.oneLine(cell).replacing("|", with: "\\|") }
    let widths = columnWidths(of: safe).map { max($0, 3) }
    func line(_ cells: [String]) -> String {
      "| "
        + zip(zip(cells, widths), columns).map { pad(safe($0.0), to: $0.1, $1.alignment) }
        .joined(separator: " | ") + " |\n"
    }
    let rule = zip(widths, columns).map { width, column in
      let dashes = String(repeating: "-", count: width - 1)
      return column.alignment == .right ? dashes + ":" : dashes + "-"
    }
    return line(columns.map(\.title)) + "| " + rule.joined(separator: " | ") + " |\n"
      + rows.map(line).joined()
  }

  /// Returns text without line breaks and hidden characters.
  public static func oneLine(_ text: String) -> String {
    ShownText.oneLine(String(text.map { $0.isNewline ? " " : $0 }))
  }

  private func columnWidths(of shown: (String) -> String) -> [Int] {
    columns.indices.map { index in
      rows.reduce(shown(columns[index].title).count) { max($0, shown($1[index]).count) }
    }
  }

  private func pad(_ cell: String, to width: Int, _ alignment: Alignment) -> String {
    let space = String(repeating: " ", count: max(0, width - cell.count))
    return alignment == .left ? cell + space : space + cell
  }
}
