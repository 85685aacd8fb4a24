import PluginABI
import PluginRuntime

/// What a stranger starts a plugin of their own from: a folder that builds with its language's own tool. It holds the
/// simplest method of its kind that is one, with a test.
public struct PluginTemplate: Sendable {
  public enum Kind: String, CaseIterable, Sendable { case criterion, allocator, compensator, evaluator }
  public enum Language: String, CaseIterable, Sendable { case c, cpp, swift, rust }

  /// `publisher.name`
  public let id: String
  public let kind: Kind
  public let language: Language

  /// - Throws: `.badID` if the id is not one that the host would take.
  public init(id: String, kind: Kind, language: Language) throws(PluginTemplateError) {
    guard isPluginID(id) else { throw .badID(id) }
    self.id = id
    self.kind = kind
    self.language = language
  }

  /// The id without its publisher: what the folder is called.
  public var title: String { id.split(separator: ".").last.map(String.init) ?? id }

  /// The id as an identifier of every language. It has a `_`, so no language has it for a word of its own, and the
  /// publisher, so that two libraries in one process have no module in common.
  var identifier: String {
    let words = id.split { $0 == "." || $0 == "-" }
    let joined = words.count > 1 ? words.joined(separator: "_") : (words.first ?? "plugin") + "_"
    return joined.first?.isNumber == true ? "_" + joined : joined
  }

  /// Where the build puts the library, within the folder.
  var library: String {
    switch language {
    case .c, .cpp: "lib\(identifier).so"
    case .swift: "lib\(identifier).so"
    case .rust: "lib\(identifier).so"
    }
  }

  var summary: String {
    switch kind {
    case .criterion: "Mean absolute value, or square, of a unit's weights."
    case .allocator: "The same share of every family of every layer."
    case .compensator: "The mean of what left goes into the bias."
    case .evaluator: "Mean negative log-likelihood of a token."
    }
  }

  /// Every file by its path within the folder.
  public var files: [(path: String, text: String)] {
    let values = [
      "ID": id, "TITLE": title, "NAME": identifier, "KIND": kind.rawValue, "SUMMARY": summary,
      "VERSION": Self.version, "LIBRARY": library, "ABI_MAJOR": "\(AP_ABI_MAJOR)",
      "ABI_MINOR": "\(AP_ABI_MINOR)",
    ]
    func filled(_ template: [UInt8]) -> String {
      values.reduce(String(decoding: template, as: UTF8.self)) {
        $0.replacing("__\($1.key)__", with: $1.value)
      }
    }
    return templates.map { ($0.path, filled($0.text)) } + [("README.md", readme)]
  }

  private static let version = "0.1.0"
}

/// Why no folder was made.
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
