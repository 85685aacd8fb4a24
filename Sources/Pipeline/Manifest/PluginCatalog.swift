import JSON
import PluginRuntime

/// The plugins that a manifest can name, as far as checking it needs to know them.
public struct PluginCatalog: Sendable {
  /// A plugin that has not been opened yet: only those that a manifest names are.
  public struct Entry: Sendable {
    public let id: String
    public let kind: PluginKind
    public let summary: String
    /// Given what it may use in a process of its own; nil: it is loaded into this one.
    public let open: @Sendable (Isolation?) throws(PluginError) -> Opened

    public init(
      id: String, kind: PluginKind, summary: String = "",
      open: @escaping @Sendable (Isolation?) throws(PluginError) -> Opened
    ) {
      self.summary = summary
      self.id = id
      self.kind = kind
      self.open = open
    }
  }

  /// What a plugin says of options that fit its schema.
  public typealias Answer = @Sendable (_ options: JSONValue) throws(PluginError) -> Bool

  /// What a plugin says of itself.
  public struct Opened: Sendable {
    public let schema: OptionsSchema
    /// The statistics that it needs with these options, which fit the schema.
    public let statistics: @Sendable (_ options: JSONValue) throws(PluginError) -> [Statistic]
    /// Of a transform, whether these options say how wide the residual stream becomes.
    public let fixesWidths: Answer
    /// Of an allocator, whether with these options it ends on its goal.
    public let meetsGoal: Answer

    public init(
      schema: OptionsSchema,
      statistics: @escaping @Sendable (_ options: JSONValue) throws(PluginError) -> [Statistic],
      fixesWidths: @escaping Answer = { _ in false }, meetsGoal: @escaping Answer = { _ in true }
    ) {
      self.meetsGoal = meetsGoal
      self.schema = schema
      self.statistics = statistics
      self.fixesWidths = fixesWidths
    }
  }

  public let entries: [Entry]

  public init(entries: [Entry]) { self.entries = entries }

  /// The plugins that can be found. Opening one loads its library, and asking for its statistics makes an
  /// instance, so that a plugin sees its options before any work starts.
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
  /// Nobody mends more at a time, and each is looked for anew.
  private static let mostMistakes = 20

  /// The options with defaults filled in, or all mistakes that can be found in them.
  func resolveAll(_ options: JSONObject) -> Result<JSONObject, OptionsMistakes> {
    var rest = options
    var mistakes: [OptionsError] = []
    while true {
      do throws(OptionsError) {
        let resolved = try resolve(.object(rest)).objectValue ?? [:]
        return mistakes.isEmpty ? .success(resolved) : .failure(OptionsMistakes(errors: mistakes))
      } catch {
        // One mistake is found at a time: without its option the next one shows.
        let key = error.firstKey
        let isKnown = mistakes.contains { $0.firstKey == key }
        if !isKnown { mistakes.append(error) }
        guard rest[key] != nil, mistakes.count < Self.mostMistakes else {
          return .failure(OptionsMistakes(errors: mistakes))
        }
        rest[key] = nil
      }
    }
  }
}

struct OptionsMistakes: Error {
  let errors: [OptionsError]
}

extension OptionsError {
  /// The option that is at fault: `protect` of `protect[2]`.
  var firstKey: String { String(path.prefix { $0 != "[" && $0 != "." }) }
}
