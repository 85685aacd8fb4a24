/// A table that is a drawing too: its cells are shaded or coloured, and tell more when pointed at. Without colours,
/// without JavaScript and in a spreadsheet it is still a table.
struct CellTable {
  struct Cell {
    let text: String
    /// A class of the style sheet: `better`, `worse`, `soft`.
    var style: String?
    /// From 0, the page's background, to 1, the strongest shade.
    var shade: Double?
    /// Shown when pointed at. A cell without a title can't be pointed at.
    var title: String?
  }

  struct Heading {
    let text: String
    /// Stands under the text, smaller.
    var note: String?
    /// Shown when pointed at.
    var title: String?
    var columns = 1
    var rows = 1
  }

  let title: String
  /// Whether the table takes the page's whole width.
  var isWide = false
  /// Follows the title: what the cells show and how.
  let note: String
  /// One or two rows of headings. The first heading stands above the rows' headings.
  let head: [[Heading]]
  /// All rows have the same number of cells with a title.
  let rows: [(heading: String, cells: [Cell])]

  var markup: Markup {
    let width = rows.first?.cells.count { $0.title != nil } ?? 0
    let head = head.map { row in Markup.tag("tr", row.map(Self.markup)) }
    let body = rows.map { row in
      Markup.tag("tr", [.rowHeading(.text(row.heading))] + row.cells.map(Self.markup))
    }
    let caption = Markup.tag("span", [.tag("strong", title), .text(note.isEmpty ? "" : " " + note)])
    let table = Markup.tag(
      "table", ["class": "cells", "data-right": "1", "data-down": width],
      [.tag("caption", [caption]), .tag("thead", head), .tag("tbody", body)])
    return .tag(
      "figure", ["class": isWide ? "plot wide" : "plot"],
      [.tag("div", ["class": "scroll"], [table]), .tag("p", ["class": "readout", "aria-live": "polite"])])
  }

  private static func markup(_ heading: Heading) -> Markup {
    .tag(
      "th",
      [
        "scope": heading.columns > 1 ? "colgroup" : "col", "title": heading.title,
        "colspan": heading.columns > 1 ? heading.columns : nil,
        "rowspan": heading.rows > 1 ? heading.rows : nil,
      ], [.text(heading.text)] + (heading.note.map { [.tag("small", $0)] } ?? []))
  }

  private static func markup(_ cell: Cell) -> Markup {
    let share = cell.shade.map { $0.isFinite ? max(0, min(1, $0)) : 0 }
    let styles = [cell.title == nil ? nil : "hit", cell.style, share.map(ink)].compactMap(\.self)
    return .tag(
      "td",
      [
        "class": styles.isEmpty ? nil : styles.joined(separator: " "),
        "style": share.map { "--shade: \(Coordinate.text($0 * 100))%" }, "title": cell.title,
      ], cell.text)
  }

  /// Returns the class that makes text black or white on a shade, so that its contrast is 4.5 on light and dark pages.
  /// Dark pages change at 58% of the way from the background to the strongest shade, light ones at 75%.
  private static func ink(_ share: Double) -> String {
    share < 0.58 ? "pale" : share < 0.75 ? "middling" : "strong"
  }
}
