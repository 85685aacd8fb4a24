import Wording

/// A column of a table, described once for the page, a terminal and Markdown.
package struct Column<Row> {
  let name: String
  /// The heading on the page.
  let title: String
  /// Stands under the title, smaller.
  let note: String?
  let isNumber: Bool
  let cell: (Row) -> Markup?

  /// - Parameter title: by default the name with a capital letter.
  package static func text(
    _ name: String, title: String? = nil, note: String? = nil, _ cell: @escaping (Row) -> String?
  ) -> Column { markup(name, title: title, note: note) { cell($0).map { .text($0) } } }

  package static func number(
    _ name: String, title: String? = nil, note: String? = nil, _ cell: @escaping (Row) -> String?
  ) -> Column { markup(name, title: title, note: note, isNumber: true) { cell($0).map { .text($0) } } }

  static func markup(
    _ name: String, title: String? = nil, note: String? = nil, isNumber: Bool = false,
    _ cell: @escaping (Row) -> Markup?
  ) -> Column {
    Column(
      name: name, title: title ?? name.withCapital, note: note,
      isNumber: isNumber, cell: cell)
  }
}

extension TextTable {
  /// A table for a terminal or Markdown. Cells that are nil are empty.
  init<Row>(_ rows: [Row], _ columns: [Report.Column<Row>]) {
    self.init(columns.map { .init($0.name, $0.isNumber ? .right : .left) })
    for row in rows { add(columns.map { $0.cell(row)?.plainText ?? "" }) }
  }
}

extension Markup {
  /// Returns a table for a page. The first column holds the rows' headings. Cells that are nil are empty.
  /// A table that is wider than the screen scrolls in its own box.
  package static func table<Row>(_ caption: String, _ rows: [Row], _ columns: [Column<Row>]) -> Markup {
    let head = columns.map { column in
      Markup.tag(
        "th", ["scope": "col", "class": column.isNumber ? "number" : nil],
        [.text(column.title)] + (column.note.map { [.tag("small", $0)] } ?? []))
    }
    let body = rows.map { row in
      Markup.tag(
        "tr",
        columns.enumerated().map { index, column in
          let cell = column.cell(row)
          return index == 0
            ? rowHeading(cell ?? "")
            : .tag("td", ["class": column.isNumber ? "number" : nil], cell.map { [$0] } ?? [])
        })
    }
    // A box that scrolls has to be reachable with the keyboard, and then needs a name.
    return .tag(
      "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption],
      [
        .tag(
          "table",
          [
            .tag("caption", [.tag("span", caption)]), .tag("thead", [.tag("tr", head)]), .tag("tbody", body),
          ])
      ])
  }

  /// Returns a table, or nothing if it has no rows.
  static func tables<Row>(_ caption: String, _ rows: [Row], _ columns: [Column<Row>]) -> [Markup] {
    rows.isEmpty ? [] : [table(caption, rows, columns)]
  }

  /// Returns the heading of a table's row. On a phone long ones are broken, though not into single words.
  static func rowHeading(_ heading: Markup) -> Markup {
    .tag("th", ["scope": "row", "class": heading.plainText.count > 10 ? "long" : nil], [heading])
  }
}
