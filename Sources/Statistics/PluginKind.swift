/// The kind of a plugin.
public enum PluginKind: String, CaseIterable, Sendable {
  case criterion, allocator, compensator, transform, evaluator

  /// `a criterion`.
  package var withArticle: String {
    switch self {
    case .criterion, .compensator, .transform: "a \(rawValue)"
    case .allocator, .evaluator: "an \(rawValue)"
    }
  }
}
