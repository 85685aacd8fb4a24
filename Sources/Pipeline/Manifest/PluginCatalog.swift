import PluginRuntime

/// The plugins that a manifest can name, as far as checking it needs to know them.
public struct PluginCatalog: Sendable {
  /// One plugin.
  public struct Entry: Sendable {
    public let id: String
    public let kind: PluginKind
    /// The options that say which data to read.
    public let dataOptions: [String]
    /// Checks options (data options already in their resolved form), and fills in defaults.
    public let check: @Sendable (JSONObject) -> Answer

    public init(
      id: String, kind: PluginKind, dataOptions: [String],
      check: @escaping @Sendable (JSONObject) -> Answer
    ) {
      self.id = id
      self.kind = kind
      self.dataOptions = dataOptions
      self.check = check
    }
  }

  public enum Answer: Sendable {
    /// The options with defaults filled in, and the statistics that the plugin needs with them.
    case accepted(options: JSONObject, statistics: [String])
    case refused([OptionProblem])
  }

  /// What is wrong with a plugin's options.
  public struct OptionProblem: Sendable, Equatable {
    /// Within the options: `variant`; empty for all of them.
    public let path: JSONPath
    public let found: String
    public let expected: String
    public let advice: String

    public init(path: JSONPath, found: String, expected: String = "", advice: String = "") {
      self.path = path
      self.found = found
      self.expected = expected
      self.advice = advice
    }
  }

  public let entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }
}

/// The question that a plugin answers.
public enum PluginKind: String, Sendable, CaseIterable {
  case criterion, allocator, evaluator
}
