/// A table with a caption, a row of headings, and a heading for each row; wider than the screen it scrolls in its
/// own box.
public struct Table: Sendable {
  public struct Column: Sendable {
    public let title: String
    /// Under the title, smaller.
    public let note: String?
    public let isNumber: Bool

    public init(_ title: String, note: String? = nil, isNumber: Bool = false) {
      self.title = title
      self.note = note
      self.isNumber = isNumber
    }
  }

  public let caption: String
  /// The first is that of the rows' headings.
  public let columns: [Column]
  public private(set) var rows: [[Markup]] = []

  public init(caption: String, columns: [Column]) {
    self.caption = caption
    self.columns = columns
  }

  /// Adds a row, whose first cell is its heading. What is missing stays empty, what is too much is left out.
  public mutating func add(_ cells: [Markup]) { rows.append(cells) }

  /// On a phone long headings of rows are broken, though not into single words.
  private static func style(ofHeading row: [Markup]) -> String? {
    style(ofHeading: row.first?.plainText ?? "")
  }

  static func style(ofHeading text: String) -> String? { text.count > 10 ? "long" : nil }

  public var markup: Markup {
    let head = columns.map { column in
      Markup.tag(
        "th", ["scope": "col", "class": column.isNumber ? "number" : nil],
        [.text(column.title)] + (column.note.map { [.tag("small", $0)] } ?? []))
    }
    let body = rows.map { row in
      Markup.tag(
        "tr", [:],
        columns.enumerated().map { index, column in
          .tag(
            index == 0 ? "th" : "td",
            [
              "scope": index == 0 ? "row" : nil,
              "class": index == 0 ? Self.style(ofHeading: row) : column.isNumber ? "number" : nil,
            ],
            row.indices.contains(index) ? [row[index]] : [])
        })
    }
    // A box that scrolls has to be reachable with the keyboard, and then wants a name.
    return .tag(
      "div", ["class": "scroll", "tabindex": "0", "role": "region", "aria-label": caption],
      [
        .tag(
          "table", [:],
          [
            .tag("caption", [:], [.tag("span", caption)]), .tag("thead", [:], [.tag("tr", [:], head)]),
            .tag("tbody", [:], body),
          ])
      ])
  }
}

/// Facts with their names: one under the other on a phone, side by side elsewhere.
public struct FactList: Sendable {
  public private(set) var facts: [(name: String, value: Markup)] = []

  public init() {}

  /// A fact that isn't known is left out.
  public mutating func add(_ name: String, _ value: String?) {
    if let value { facts.append((name, .text(value))) }
  }

  public var markup: Markup {
    .tag("dl", [:], facts.map { .tag("div", [:], [.tag("dt", $0.name), .tag("dd", [:], [$0.value])]) })
  }
}
