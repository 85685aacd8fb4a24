/// A piece of a page: elements, their attributes and text. Text from anywhere is text here, whatever it holds:
/// only `static` strings of this program get into a page as markup.
///
/// What comes out is HTML that is well-formed XML too, so that any XML parser can check it.
public indirect enum Markup: Sendable, Equatable {
  case text(String)
  case element(name: String, attributes: [Attribute], content: [Markup])
  /// A style sheet or a script, as it stands in this program; without `<` and `&`, which XML would have escaped and
  /// HTML would not.
  case verbatim(StaticText)

  public struct Attribute: Sendable, Equatable {
    public let name: String
    public let value: String
  }

  /// Text that was written down in the program, and so holds nothing from a file.
  public struct StaticText: Sendable, Equatable {
    let text: String

    public init(_ text: StaticString) {
      self.text = text.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// An element; attributes that are nil are left out.
  public static func tag(
    _ name: String, _ attributes: KeyValuePairs<String, String?> = [:], _ content: [Markup] = []
  ) -> Markup {
    .element(
      name: name,
      attributes: attributes.compactMap { key, value in value.map { Attribute(name: key, value: $0) } },
      content: content)
  }

  /// An element around a text.
  public static func tag(
    _ name: String, _ attributes: KeyValuePairs<String, String?>, _ text: String
  ) -> Markup { tag(name, attributes, [.text(text)]) }

  /// The same without attributes.
  public static func tag(_ name: String, _ text: String) -> Markup { tag(name, [:], [.text(text)]) }

  public var html: String {
    var text = ""
    write(to: &text)
    return text
  }

  /// The text within, without elements.
  public var plainText: String {
    switch self {
    case .text(let text): text
    case .element(_, _, let content): content.map(\.plainText).joined()
    case .verbatim: ""
    }
  }

  private func write(to output: inout String) {
    switch self {
    case .text(let text): output += Self.escaped(text)
    case .verbatim(let text): output += text.text
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

  /// HTML's void elements, and SVG's, which may close themselves; `<p/>` in HTML is an opening tag.
  private static let canBeEmpty: Set<String> = [
    "meta", "link", "br", "col", "rect", "line", "path", "circle",
  ]
  private static let endsLine: Set<String> = [
    "style", "script", "head", "h1", "h2", "h3", "p", "tr", "caption", "section", "header", "svg", "figure",
    "g", "li",
  ]

  /// `text` for use between tags or in an attribute's quotes. Characters that XML has no way to write (C0 controls,
  /// U+FFFE, U+FFFF; XML 1.0, section 2.2) become U+FFFD, and so do those that change the direction of the text around
  /// them (UAX #9, section 2) and C1 controls.
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
      case "\t", "\n": result.unicodeScalars.append(scalar)
      case "\0"..." ": result.unicodeScalars.append(scalar == " " ? scalar : "\u{FFFD}")
      case "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      case "\u{7F}"..."\u{9F}", "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}",
        "\u{2066}"..."\u{2069}":
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Markup: ExpressibleByStringLiteral {
  public init(stringLiteral value: String) { self = .text(value) }
}
