import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// A folder that is there as long as this is, with a copy of the run that is kept for these tests: two rounds of pruning
/// and training, killed in the second and resumed.
final class RunCopy {
  static let original = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .appendingPathComponent("Fixtures/report-run").path
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("report-" + UUID().uuidString).path
    try FileManager.default.copyItem(atPath: Self.original, toPath: path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func read(_ name: String) throws -> String {
    try String(contentsOfFile: path + "/" + name, encoding: .utf8)
  }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: path + "/" + name, atomically: true, encoding: .utf8)
  }

  func replace(_ old: String, by new: String, in name: String) throws {
    try write(try read(name).replacingOccurrences(of: old, with: new), to: name)
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }
}

/// What an XML parser, which knows nothing of ours, finds in a page.
final class Parsed: NSObject, XMLParserDelegate {
  struct Element {
    let name: String
    let attributes: [String: String]
    var text = ""
  }

  /// In the order of their opening tags, each with all text within.
  private(set) var elements: [Element] = []
  private(set) var error: String?
  private var open: [Int] = []

  init(_ html: String) {
    super.init()
    let parser = XMLParser(data: Data(html.utf8))
    parser.delegate = self
    if !parser.parse() { error = parser.parserError.map { "\($0), line \(parser.lineNumber)" } ?? "unknown" }
  }

  func texts(of name: String) -> [String] { elements.filter { $0.name == name }.map(\.text) }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    open.append(elements.count)
    elements.append(Element(name: name, attributes: attributes))
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?)
  {
    _ = open.popLast()
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) {
    for index in open { elements[index].text += text }
  }
}
