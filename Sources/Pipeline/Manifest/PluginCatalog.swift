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

  /// A plugin's answer about options that fit its schema.
  public typealias Answer = @Sendable (_ options: JSONValue) throws(PluginError) -> Bool

  /// An opened plugin.
  public struct Opened: Sendable {
    public let schema: OptionsSchema
    /// The statistics that the plugin needs with options that fit the schema.
    public let statistics: @Sendable (_ options: JSONValue) throws(PluginError) -> [Statistic]
    /// Whether the options of a transform fix the widths of the residual stream.
    public let fixesWidths: Answer
    /// Whether an allocator ends on its goal with these options.
    public let meetsGoal: Answer

    public init(
      schema: OptionsSchema,
      statistics: @escaping @Sendable (_ options: JSONValue) throws(PluginError) -> [Statistic],
      fixesWidths: @escaping Answer = { _ in false }, meetsGoal: @escaping Answer = { _ in true }
    ) {
      (self.schema, self.statistics) = (schema, statistics)
      (self.fixesWidths, self.meetsGoal) = (fixesWidths, meetsGoal)
    }
  }

  public let entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }

  /// The plugins of a registry. Opening one loads its library. Asking for its statistics makes an instance, so that a
  /// plugin sees its options before any work starts.
  public init(_ registry: PluginRegistry) {
    entries = registry.plugins.map { description in
      Entry(id: description.id, kind: description.kind, summary: description.summary) {
        (isolation) throws(PluginError) in
        let plugin = try LoadedPlugin(loading: description, isolated: isolation)
        return Opened(
          schema: plugin.schema,
          statistics: { (options) throws(PluginError) in try Self.statistics(of: plugin, options) },
          fixesWidths: { (options) throws(PluginError) in
            guard plugin.kind == .transform else { return false }
            return try TransformInstance(of: plugin, options: options).fixesWidths
          },
          meetsGoal: { (options) throws(PluginError) in
            guard plugin.kind == .allocator else { return true }
            return try AllocatorInstance(of: plugin, options: options).meetsGoal
          })
      }
    }
  }

  private static func statistics(
    of plugin: LoadedPlugin, _ options: JSONValue
  ) throws(PluginError) -> [Statistic] {
    switch plugin.kind {
    case .criterion: return try CriterionInstance(of: plugin, options: options).statistics
    case .allocator: return try AllocatorInstance(of: plugin, options: options).statistics
    case .compensator: return try CompensatorInstance(of: plugin, options: options).statistics
    case .transform: return try TransformInstance(of: plugin, options: options).statistics
    case .evaluator:
      _ = try EvaluatorInstance(of: plugin, options: options)
      return []
    }
  }

  func entry(_ id: String) -> Entry? { entries.first { $0.id == id } }
}

extension OptionsSchema {
  /// Each mistake costs a pass over the options; more help nobody.
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
