/// A page that is one file: style, script and drawings are in it, and it opens without a network.
public struct Page: Sendable {
  public struct Section: Sendable {
    /// Within the page; lower-case letters and hyphens.
    public let id: String
    public let title: String
    public let content: [Markup]
  }

  public let title: String
  /// What stands under the title: of what the page tells, in a sentence or two.
  public let lead: [Markup]
  public private(set) var sections: [Section] = []

  /// A section without content is left out.
  public mutating func add(_ section: Section) {
    if !section.content.isEmpty { sections.append(section) }
  }

  public var html: String {
    let document = Markup.tag(
      "html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"], [head, body])
    return "<!DOCTYPE html>\n" + document.html + "\n"
  }

  private var head: Markup {
    let content: [Markup] = [
      .tag("meta", ["charset": "utf-8"]),
      .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
      .tag("meta", ["name": "color-scheme", "content": "light dark"]),
      // Browsers ask a server for an icon otherwise; this one is empty.
      .tag("link", ["rel": "icon", "href": "data:,"]),
      .tag("title", title), .tag("style", [:], [.verbatim(PageStyle.text)]),
    ]
    return .tag("head", [:], content)
  }

  private var body: Markup {
    let header: [Markup] = [.tag("h1", title)] + lead + [contents]
    let main = sections.map { section -> Markup in
      let heading = Markup.tag("h2", ["id": "\(section.id)-title"], section.title)
      return .tag(
        "section", ["id": section.id, "aria-labelledby": "\(section.id)-title"],
        [heading] + section.content)
    }
    let script = Markup.tag("script", [:], [.verbatim(PageScript.text)])
    return .tag("body", [:], [.tag("header", [:], header), .tag("main", [:], main), script])
  }

  private var contents: Markup {
    .tag(
      "nav", ["aria-label": "Sections"],
      [.tag("ul", [:], sections.map { .tag("li", [:], [.tag("a", ["href": "#\($0.id)"], $0.title)]) })])
  }
}
