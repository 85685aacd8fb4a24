import Files

/// A page that is one file. It holds its style, script and drawings, and opens without a network.
public struct Page: Sendable {
  struct Section {
    /// Names the section within the page: lower-case letters and hyphens.
    let id: String
    let title: String
    let content: [Markup]
  }

  let title: String
  /// Stands under the title: what the page is about, in a sentence or two.
  let lead: [Markup]
  let sections: [Section]

  /// Sections without content are left out.
  init(title: String, lead: [Markup], _ sections: [Section]) {
    self.title = title
    self.lead = lead
    self.sections = sections.filter { !$0.content.isEmpty }
  }

  /// Writes the page, whole or not at all.
  /// - Returns: the path of its file.
  func write(to path: String) throws(ReportError) -> String {
    do { try AtomicFile.write(html, to: path) } catch { throw .file(error) }
    return path
  }

  public var html: String {
    let document = Markup.tag(
      "html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"], [head, body])
    return "<!DOCTYPE html>\n" + document.html + "\n"
  }

  private var head: Markup {
    .tag(
      "head",
      [
        .tag("meta", ["charset": "utf-8"]),
        .tag("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
        .tag("meta", ["name": "color-scheme", "content": "light dark"]),
        // Browsers ask a server for an icon otherwise; this one is empty.
        .tag("link", ["rel": "icon", "href": "data:,"]),
        .tag("title", title), .tag("style", [.verbatim(PageStyle.text)]),
      ])
  }

  private var body: Markup {
    let contents = sections.map { Markup.tag("li", [.tag("a", ["href": "#\($0.id)"], $0.title)]) }
    let navigation = Markup.tag("nav", ["aria-label": "Sections"], [.tag("ul", contents)])
    let main = sections.map { section -> Markup in
      let heading = Markup.tag("h2", ["id": "\(section.id)-title"], section.title)
      return .tag(
        "section", ["id": section.id, "aria-labelledby": "\(section.id)-title"],
        [heading] + section.content)
    }
    return .tag(
      "body",
      [
        .tag("header", [.tag("h1", title)] + lead + [navigation]), .tag("main", main),
        .tag("script", [.verbatim(PageScript.text)]),
      ])
  }
}
