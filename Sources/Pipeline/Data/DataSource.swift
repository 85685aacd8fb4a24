/// A file with text or token ids.
public struct DataSource: Sendable, Equatable {
  public enum Format: Sendable, Equatable {
    /// UTF-8 text: one document.
    case text
    /// One JSON object a line, whose `field` is a document.
    case jsonl(field: String)
    /// Lists of token ids in JSON: one document each.
    case ids
  }

  /// Absolute.
  public let path: String
  public let format: Format
  /// Part of the names of metrics that come from this data, as `wikitext2` in `wikitext2.token_perplexity@512`.
  public let name: String

  public init(path: String, format: Format, name: String) {
    self.path = path
    self.format = format
    self.name = name
  }
}
