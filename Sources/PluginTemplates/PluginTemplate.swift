import PluginABI
import PluginRuntime

/// A folder from which a user starts a plugin. It builds with the tool of its language. It holds a simple method of its
/// kind, with a test.
public struct PluginTemplate: Sendable {
  public enum Kind: String, CaseIterable, Sendable { case criterion, allocator, compensator, evaluator }
  public enum Language: String, CaseIterable, Sendable { case c, cpp, swift, rust }

  /// `publisher.name`
  public let id: String
  public let kind: Kind
  public let language: Language

  /// - Throws: `.badID` if the host would not accept the id.
  public init(id: String, kind: Kind, language: Language) throws(PluginTemplateError) {
    guard isPluginID(id) else { throw .badID(id) }
    self.id = id
    self.kind = kind
    self.language = language
  }

  /// The folder's name: the id without its publisher.
  public var title: String { id.split(separator: ".").last.map(String.init) ?? id }

  /// The id as an identifier of every language. The `_` in it keeps it apart from the languages' keywords. The publisher
  /// in it keeps the modules of two libraries in one process apart.
  var identifier: String {
    let words = id.split { $0 == "." || $0 == "-" }
    let joined = words.count > 1 ? words.joined(separator: "_") : (words.first ?? "plugin") + "_"
    return joined.first?.isNumber == true ? "_" + joined : joined
  }

  /// What the folder's method does.
  var summary: String {
    switch kind {
    case .criterion: "Mean absolute value, or square, of a unit's weights."
    case .allocator: "The same share of every family of every layer."
    case .compensator: "The mean of what left goes into the bias."
    case .evaluator: "Mean negative log-likelihood of a token."
    }
  }

  /// Every file, by its path within the folder.
  public var files: [(path: String, text: String)] {
    let values = [
      "ID": id, "TITLE": title, "NAME": identifier, "KIND": kind.rawValue, "SUMMARY": summary,
      "VERSION": "0.1.0", "ABI_MAJOR": "\(AP_ABI_MAJOR)",
      "ABI_MINOR": "\(AP_ABI_MINOR)",
    ]
    func filled(_ template: [UInt8]) -> String {
      values.reduce(String(decoding: template, as: UTF8.self)) {
        $0.replacing("__\($1.key)__", with: $1.value)
      }
    }
    return templates.map { ($0.path, filled($0.text)) } + [("README.md", readme)]
  }
}

/// Why no folder was written.
public enum PluginTemplateError: Error, Equatable, CustomStringConvertible {
  case badID(String)
  case occupied(path: String)
  case currentFolder(path: String)

  public var description: String {
    switch self {
    case .badID(let id): "\"\(id)\" is no plugin's id; expected \(pluginIDSyntax)"
    case .occupied(let path):
      "\(path) is there already and no empty folder; nothing was written. Name another one with --output"
    case .currentFolder(let path):
      "\(path) is the folder you are in, and cannot be replaced; name a new one with --output"
    }
  }
}
