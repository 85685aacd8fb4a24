import Wording

/// Values over layers (down) and iterations (across) as shades of one colour, which the colour-blind tell apart too. The
/// last iteration is large, with its values written beside it.
public struct HeatMap: Sendable {
  public struct Cell: Sendable {
    public let value: Double
    /// Beside the last column.
    public let text: String
    /// When pointed at, after layer and iteration: `1,024 of 1,536 channels (66.7%)`.
    public let title: String

    public init(value: Double, text: String, title: String) {
      self.value = value
      self.text = text
      self.title = title
    }
  }

  public struct Column: Sendable {
    public let label: String
    /// One for each row; nil where nothing is known.
    public let cells: [Cell?]

    public init(_ label: String, _ cells: [Cell?]) {
      self.label = label
      self.cells = cells
    }
  }

  public let title: String
  public let note: String
  public let rowName: String
  public let columnName: String
  public let columns: [Column]
  /// Of the values: the palest shade and the strongest.
  public let domain: ClosedRange<Double>
  /// What the two are called in the legend.
  public let ends: (low: String, high: String)

  public init(
    title: String, note: String, rowName: String, columnName: String, columns: [Column],
    domain: ClosedRange<Double>, ends: (low: String, high: String)
  ) {
    self.title = title
    self.note = note
    self.rowName = rowName
    self.columnName = columnName
    self.columns = columns
    self.domain = domain
    self.ends = ends
  }

  static let width = 640.0
  private static let left = 64.0
  private static let top = 64.0
  private static let row = 22.0
  private static let lastWidth = 76.0
  /// For the last column's texts.
  private static let textWidth = 170.0

  /// nil if there are no cells.
  public var markup: Markup? {
    let rows = columns.map(\.cells.count).max() ?? 0
    guard rows > 0, let last = columns.last else { return nil }
    let room = Self.width - Self.left - Self.lastWidth - Self.textWidth
    let step = columns.count > 1 ? min(52, room / Double(columns.count - 1)) : 0
    let lastStart = Self.left + step * Double(columns.count - 1) + (columns.count > 1 ? 6 : 0)
    let bottom = Self.top + Double(rows) * Self.row
    let shade = Scale(domain: domain, start: 0.05, end: 1)
    var content: [Markup] = [
      Drawing.text(rowName, x: 4, y: Self.top - 8, style: "name"),
      Drawing.text(columnName, x: Self.left, y: 18, style: "name"),
    ]
    for row in 0..<rows {
      content.append(
        Drawing.text("\(row)", x: Self.left - 8, y: Self.top + (Double(row) + 0.72) * Self.row, anchor: "end")
      )
    }
    var free = 0.0
    for (index, column) in columns.enumerated() {
      let isLast = index == columns.count - 1
      let start = isLast ? lastStart : Self.left + Double(index) * step
      let width = isLast ? Self.lastWidth : step
      let half = 6 * Double(column.label.count)
      let centre = start + width / 2
      // The last one's label is always there.
      if isLast || (centre - half >= free && centre + half + 8 <= lastStart + Self.lastWidth / 2 - 14) {
        content.append(Drawing.text(column.label, x: centre, y: Self.top - 8, anchor: "middle"))
        free = centre + half + 8
      }
      for row in 0..<rows {
        let cell = column.cells.indices.contains(row) ? column.cells[row] : nil
        let named = "\(rowName) \(row), \(columnName) \(column.label): "
        content.append(
          Drawing.place(
            x: start, y: Self.top + Double(row) * Self.row, width: max(1, width - (step > 6 ? 1 : 0)),
            height: Self.row - 1,
            opacity: cell.map { max(0.05, min(1, $0.value.isFinite ? shade.place($0.value) : 0)) } ?? 0,
            title: named + (cell?.title ?? "not known")))
      }
    }
    for (row, cell) in last.cells.enumerated() {
      guard let cell else { continue }
      content.append(
        Drawing.text(
          cell.text, x: lastStart + Self.lastWidth + 8, y: Self.top + (Double(row) + 0.72) * Self.row))
    }
    return Figure(
      title: title, note: note, legend: [(.box("palest"), ends.low), (.box("strongest"), ends.high)],
      width: Self.width,
      height: bottom + 6, kind: "heat", stride: rows, content: content
    ).markup
  }
}
