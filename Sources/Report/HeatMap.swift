import Wording

/// Draws values over layers (down) and iterations (across) as shades of one colour, which the colour-blind tell apart
/// too. The last iteration is large, with its values written beside it.
package enum HeatMap {
  /// - text: stands beside the last column.
  /// - title: shown when pointed at, after layer and iteration: `1,024 of 1,536 channels (66.7%)`.
  package typealias Cell = (value: Double, text: String, title: String)
  /// - cells: one for each row; nil where nothing is known.
  package typealias Column = (label: String, cells: [Cell?])

  static let width = 640.0
  private static let left = 64.0
  private static let top = 64.0
  private static let rowHeight = 22.0
  private static let lastWidth = 76.0
  /// For the last column's texts.
  private static let textWidth = 170.0

  /// Returns nil if there are no cells.
  /// - Parameters:
  ///   - domain: the values of the palest and the strongest shade.
  ///   - ends: the names of these two in the legend.
  package static func markup(
    title: String, note: String, rowName: String, columnName: String, columns: [Column],
    domain: ClosedRange<Double>, ends: (low: String, high: String)
  ) -> Markup? {
    let rows = columns.map(\.cells.count).max() ?? 0
    guard rows > 0, let last = columns.last else { return nil }
    let room = width - left - lastWidth - textWidth
    let step = columns.count > 1 ? min(52, room / Double(columns.count - 1)) : 0
    let lastStart = left + step * Double(columns.count - 1) + (columns.count > 1 ? 6 : 0)
    let shade = Scale(domain: domain, start: 0.05, end: 1)
    func y(_ row: Int, _ part: Double = 0) -> Double { top + (Double(row) + part) * rowHeight }
    var content = [
      Drawing.text(rowName, x: 4, y: top - 8, style: "name"),
      Drawing.text(columnName, x: left, y: 18, style: "name"),
    ]
    content += (0..<rows).map { Drawing.text("\($0)", x: left - 8, y: y($0, 0.72), anchor: "end") }
    var free = 0.0
    for (index, column) in columns.enumerated() {
      let isLast = index == columns.count - 1
      let start = isLast ? lastStart : left + Double(index) * step
      let width = isLast ? lastWidth : step
      let half = 6 * Double(column.label.count)
      let centre = start + width / 2
      // The last label always fits.
      if isLast || (centre - half >= free && centre + half + 8 <= lastStart + lastWidth / 2 - 14) {
        content.append(Drawing.text(column.label, x: centre, y: top - 8, anchor: "middle"))
        free = centre + half + 8
      }
      for row in 0..<rows {
        let cell = column.cells.indices.contains(row) ? column.cells[row] : nil
        let named = "\(rowName) \(row), \(columnName) \(column.label): "
        content.append(
          Drawing.place(
            x: start, y: y(row), width: max(1, width - (step > 6 ? 1 : 0)), height: rowHeight - 1,
            opacity: cell.map { max(0.05, min(1, $0.value.isFinite ? shade.place($0.value) : 0)) } ?? 0,
            title: named + (cell?.title ?? "not known")))
      }
    }
    for case (let row, let cell?) in last.cells.enumerated() {
      content.append(Drawing.text(cell.text, x: lastStart + lastWidth + 8, y: y(row, 0.72)))
    }
    return Figure(
      title: title, note: note,
      legend: [(Drawing.key("palest"), ends.low), (Drawing.key("strongest"), ends.high)],
      width: width, height: y(rows) + 6, kind: "heat", stride: rows, content: content
    ).markup
  }
}
