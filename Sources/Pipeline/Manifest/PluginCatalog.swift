import JSON
import PluginRuntime

/// The plugins that a manifest can name, with what its check asks of them.
public struct PluginCatalog: Sendable {
  /// A plugin that is opened only if a manifest names it.
  public struct Entry: Sendable {
    public let id: String
    public let kind: PluginKind
    public let summary: String
    /// Opens the plugin with the limits of its own process. Nil: in this process.
    public let open: @Sendable (Isolation?) throws(PluginError) -> Opened

    public init(
      id: String, kind: PluginKind, summary: String = "",
      open: @escaping @Sendable (Isolation?) throws(PluginError) -> Opened
    ) {
      (self.id, self.kind, self.summary, self.open) = (id, kind, summary, open)
    }
  }

  /// A plugin's answers about options that fit its schema.
  public struct Answers: Sendable, Equatable {
    public var statistics: [Statistic] = []
    /// Whether the options of a transform fix the widths of the residual stream.
    public var fixesWidths = false
    /// Whether an allocator ends on its goal.
    public var meetsGoal = true

    public init() {}
  }

  public typealias Opened = (
    schema: OptionsSchema, answers: @Sendable (_ options: JSONValue) throws(PluginError) -> Answers
  )

  public let entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }

  /// The plugins of a registry. Opening one loads its library. Asking it makes an instance, so that a plugin sees its
  /// options before any work starts.
  public init(_ registry: PluginRegistry) {
    entries = registry.plugins.map { description in
      Entry(id: description.id, kind: description.kind, summary: description.summary) {
        (isolation) throws(PluginError) in
        let plugin = try LoadedPlugin(loading: description, isolated: isolation)
        return (plugin.schema, { (options) throws(PluginError) in try Self.answers(of: plugin, options) })
      }
    }
  }

  private static func answers(of plugin: LoadedPlugin, _ options: JSONValue) throws(PluginError) -> Answers {
    var answers = Answers()
    switch plugin.kind {
    case .criterion: answers.statistics = try CriterionInstance(of: plugin, options: options).statistics
    case .allocator:
      let allocator = try AllocatorInstance(of: plugin, options: options)
      (answers.statistics, answers.meetsGoal) = (allocator.statistics, allocator.meetsGoal)
    case .compensator: answers.statistics = try CompensatorInstance(of: plugin, options: options).statistics
    case .transform:
      let transform = try TransformInstance(of: plugin, options: options)
      (answers.statistics, answers.fixesWidths) = (transform.statistics, transform.fixesWidths)
    case .evaluator: _ = try EvaluatorInstance(of: plugin, options: options)
    }
    return answers
  }

  func entry(_ id: String) -> Entry? { entries.first { $0.id == id } }
}

extension OptionsSchema {
  /// More mistakes than this are not looked for.
  private static let mostMistakes = 20

  /// The options with defaults filled in, and the mistakes in them. Without a mistake the options are complete.
  func resolveAll(_ options: JSONObject) -> (options: JSONObject, mistakes: [OptionsError]) {
    var rest = options
    var mistakes: [OptionsError] = []
    while true {
      do throws(OptionsError) {
        return (try resolve(.object(rest)).objectValue ?? [:], mistakes)
      } catch {
        // Each pass finds one mistake. Without its option the next one shows.
        let key = error.firstKey
        if !mistakes.contains(where: { $0.firstKey == key }) { mistakes.append(error) }
        guard rest[key] != nil, mistakes.count < Self.mostMistakes else { return (rest, mistakes) }
        rest[key] = nil
      }
    }
  }
}

extension OptionsError {
  /// The option with the mistake: `protect` of `protect[2]`.
  var firstKey: String { String(path.prefix { $0 != "[" && $0 != "." }) }
}
