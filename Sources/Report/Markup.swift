/// A piece of a page: elements, their attributes and text. Text is escaped, whatever it holds.
/// Only static strings of this program become markup.
///
/// The output is HTML and well-formed XML, so that any XML parser can check it.
package indirect enum Markup: Sendable {
  case text(String)
  case element(name: String, attributes: [(name: String, value: String)], content: [Markup])
  /// A style sheet or a script. It must hold no `<` and no `&`: XML would escape them, HTML would not.
  case verbatim(StaticString)

  /// Returns an element. Attributes that are nil are left out; numbers are coordinates of a drawing.
  package static func tag(
    _ name: String, _ attributes: KeyValuePairs<String, (any CustomStringConvertible)?>,
    _ content: [Markup] = []
  ) -> Markup {
    let known = attributes.compactMap { key, value in
      value.map { (key, ($0 as? Double).map(Coordinate.text) ?? $0.description) }
    }
    return .element(name: name, attributes: known, content: content)
  }

  package static func tag(
    _ name: String, _ attributes: KeyValuePairs<String, (any CustomStringConvertible)?>, _ text: String
  ) -> Markup { tag(name, attributes, [.text(text)]) }

  package static func tag(_ name: String, _ content: [Markup] = []) -> Markup { tag(name, [:], content) }

  package static func tag(_ name: String, _ text: String) -> Markup { tag(name, [:], [.text(text)]) }

  /// Returns facts with their names: a column on a phone, side by side elsewhere. Unknown facts are left out.
  static func facts(_ facts: [(name: String, value: String?)]) -> Markup {
    .tag(
      "dl",
      facts.compactMap { name, value in
        value.map { .tag("div", [.tag("dt", name), .tag("dd", $0)]) }
      })
  }

  static func folded(_ title: String, _ content: [Markup], isOpen: Bool = false) -> Markup {
    .tag("details", ["open": isOpen ? "open" : nil], [.tag("summary", title)] + content)
  }

  package var html: String {
    var text = ""
    write(to: &text)
    return text
  }

  /// The text within, without elements.
  var plainText: String {
    switch self {
    case .text(let text): text
    case .element(_, _, let content): content.map(\.plainText).joined()
    case .verbatim: ""
    }
  }

  private func write(to output: inout String) {
    switch self {
    case .text(let text): output += Self.escaped(text)
    case .verbatim(let text): output += text.description
    case .element(let name, let attributes, let content):
      output += "<" + name
      for attribute in attributes { output += " \(attribute.name)=\"\(Self.escaped(attribute.value))\"" }
      if content.isEmpty, Self.canBeEmpty.contains(name) {
        output += "/>"
        return
      }
      output += ">"
      for piece in content { piece.write(to: &output) }
      output += "</\(name)>"
      if Self.endsLine.contains(name) { output += "\n" }
    }
  }

  /// HTML's and SVG's void elements, which may close themselves. In HTML `<p/>` is an opening tag.
  private static let canBeEmpty: Set = ["meta", "link", "br", "col", "rect", "line", "path", "circle"]
  private static let endsLine: Set = [
    "style", "script", "head", "h1", "h2", "h3", "p", "tr", "caption", "section", "header", "svg", "figure",
    "g", "li",
  ]

  /// Returns `text` for use between tags or in an attribute's quotes. Three kinds of characters become U+FFFD:
  /// - C0 controls, U+FFFE and U+FFFF, which XML can't write (XML 1.0, section 2.2);
  /// - those that change the direction of the text around them (UAX #9, section 2);
  /// - C1 controls.
  package static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n", " ": result.unicodeScalars.append(scalar)
      case "\0"..." ", "\u{FFFE}", "\u{FFFF}", "\u{7F}"..."\u{9F}", "\u{61C}", "\u{200E}", "\u{200F}",
        "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Markup: ExpressibleByStringLiteral {
  package init(stringLiteral value: String) { self = .text(value) }
}
