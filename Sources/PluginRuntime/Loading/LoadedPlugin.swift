import JSON
import PluginABI

/// The description that a plugin gives of itself.
public struct PluginAbout: Equatable, Sendable {
  public var id: String
  public var kind: PluginKind
  public var version: String
  public var summary: String
  /// An SPDX expression.
  public var licence: String
  public var paper: String?
  /// A JSON Schema.
  public var optionsSchema: String
  /// The statistics that its instances may ask for.
  public var statistics: [Statistic]
  /// Whether a criterion's scores compare across families, at least with some options.
  public var scoresCompare: Bool
  /// The version of the ABI that both sides speak.
  public var abi: ABIVersion
  /// An absolute path.
  public var library: String
}

/// A plugin whose library is loaded and whose descriptor has been checked.
@dynamicMemberLookup
public struct LoadedPlugin: @unchecked Sendable {
  public let about: PluginAbout
  public let schema: OptionsSchema
  /// The version of the header that it was compiled with.
  package let builtFor: ABIVersion

  public subscript<Value>(dynamicMember member: KeyPath<PluginAbout, Value>) -> Value {
    about[keyPath: member]
  }

  let backing: Backing

  /// Where its functions are.
  enum Backing {
    /// In this process: the table of the plugin's kind. It is constant until the process ends, hence `@unchecked
    /// Sendable`.
    case table(UnsafeRawPointer)
    /// In a process of their own.
    case worker(PluginWorker)
    /// In this process: one plain function, of a criterion.
    case function(ForeignFunction)
  }

  /// - Parameter isolation: the limits of a process of its own; nil loads it into this process.
  public init(
    loading description: PluginDescription, isolated isolation: Isolation? = nil
  ) throws(PluginError) {
    if let isolation {
      let worker = try PluginWorker(for: description, within: isolation)
      let about = try worker.load(description)
      try self.init(about, .worker(worker), builtFor: about.abi)
    } else if let signature = description.function {
      // Its plugin.json says everything about a plain function.
      let function = try ForeignFunction(signature, of: description)
      let about = PluginAbout(
        id: description.id, kind: description.kind, version: description.version,
        summary: description.summary, licence: signature.licence, paper: signature.paper,
        optionsSchema: "{}", statistics: signature.statistics, scoresCompare: signature.scoresCompare,
        abi: .host, library: function.library)
      try self.init(about, .function(function), builtFor: .host)
    } else {
      let library = try PluginLibrary(opening: description.library, for: description)
      let (about, table) = try DescriptorReader(library, description).read()
      try self.init(about, .table(table), builtFor: library.builtFor)
    }
  }

  private init(_ about: PluginAbout, _ backing: Backing, builtFor: ABIVersion) throws(PluginError) {
    self.about = about
    self.backing = backing
    self.builtFor = builtFor
    do { schema = try OptionsSchema(parsing: about.optionsSchema) } catch {
      throw .badDescriptor(
        library: about.library, plugin: about.id, field: "options_schema",
        expected: "a JSON Schema of an object", got: "wrong: \(error)")
    }
  }

  /// Checks options and fills in defaults.
  public func resolve(_ options: JSONValue, at path: String = "") throws(PluginError) -> JSONValue {
    do { return try schema.resolve(options, at: path) } catch { throw .badOptions(plugin: about.id, error) }
  }
}

extension [Statistic] {
  /// Finds the statistics that a plugin names, in a list that ends with null.
  func named(
    by names: UnsafePointer<UnsafePointer<CChar>?>, or unknown: (String) -> PluginError
  ) throws(PluginError) -> [Statistic] {
    var found: [Statistic] = []
    while let name = names[found.count].map({ String(cString: $0) }) {
      guard let statistic = first(where: { $0.name == name }) else { throw unknown(name) }
      found.append(statistic)
    }
    return found
  }
}

/// Reads and checks the descriptor of one plugin of a library.
private struct DescriptorReader {
  let library: PluginLibrary
  let plugin: PluginDescription
  let descriptor: ap_descriptor

  init(_ library: PluginLibrary, _ plugin: PluginDescription) throws(PluginError) {
    let ids = library.descriptors.map { $0.id.map { String(cString: $0) } ?? "" }
    guard let index = ids.firstIndex(of: plugin.id) else {
      throw .badDescriptor(
        library: library.path, plugin: plugin.id, field: "id", expected: "in the library",
        got: "missing: it holds " + (ids.isEmpty ? "no plugin" : ids.joined(separator: ", ")))
    }
    self.library = library
    self.plugin = plugin
    descriptor = library.descriptors[index]
  }

  /// - Returns: what the plugin says of itself, and the table of its kind's functions.
  func read() throws(PluginError) -> (PluginAbout, UnsafeRawPointer) {
    if !isPluginID(plugin.id) { throw wrong("id", expected: pluginIDSyntax, got: "\"\(plugin.id)\"") }
    let kind = try kind()
    if kind != plugin.kind {
      throw wrong("kind", expected: "\(plugin.kind.rawValue) as in \(plugin.manifest)", got: kind.rawValue)
    }
    let version = try text(descriptor.version, "version")
    if version != plugin.version {
      throw wrong("version", expected: "\(plugin.version) as in \(plugin.manifest)", got: version)
    }
    let summary = try text(descriptor.summary, "summary")
    let licence = try text(descriptor.licence, "licence")
    let schema = try text(descriptor.options_schema, "options_schema")
    guard let names = descriptor.statistics else {
      throw wrong("statistics", expected: "a list that ends with null", got: "null")
    }
    let offered = plugin.offered.entries(for: kind)
    let statistics = try offered.named(by: names) { name in
      .unknownStatistic(plugin: plugin.id, statistic: name, kind: kind, known: offered.map(\.name))
    }
    guard let table = descriptor.interface else { throw wrong("interface", expected: "a table", got: "null") }
    try requireFunctions(kind.functions, of: kind, at: table)
    let about = PluginAbout(
      id: plugin.id, kind: kind, version: version, summary: summary, licence: licence,
      paper: descriptor.paper.map { String(cString: $0) }, optionsSchema: schema, statistics: statistics,
      scoresCompare: descriptor.scores_compare != 0, abi: library.version, library: library.path)
    return (about, table)
  }

  func wrong(_ field: String, expected: String, got: String) -> PluginError {
    .badDescriptor(library: library.path, plugin: plugin.id, field: field, expected: expected, got: got)
  }

  func text(_ pointer: UnsafePointer<CChar>?, _ field: String) throws(PluginError) -> String {
    guard let pointer else { throw wrong(field, expected: "a text", got: "null") }
    return String(cString: pointer)
  }

  func kind() throws(PluginError) -> PluginKind {
    switch Int(descriptor.kind) {
    case AP_CRITERION: return .criterion
    case AP_ALLOCATOR: return .allocator
    case AP_EVALUATOR: return .evaluator
    case AP_COMPENSATOR: return .compensator
    case AP_TRANSFORM: return .transform
    default:
      throw wrong(
        "kind", expected: "1 (criterion), 2 (allocator), 3 (evaluator), 4 (compensator) or 5 (transform)",
        got: "\(descriptor.kind)")
    }
  }

  /// Checks that the kind's table is as long as in version 1.0, and that no function is missing.
  func requireFunctions<Functions: PluginFunctions>(
    _ type: Functions.Type, of kind: PluginKind, at table: UnsafeRawPointer
  ) throws(PluginError) {
    try requireSize(table.assumingMemoryBound(to: UInt32.self).pointee, type, in: library.path)
    let table = whole(table.assumingMemoryBound(to: type), speaking: library.version)
    let all =
      [("create", table.common.create != nil), ("destroy", table.common.destroy != nil)] + table.required
    for (name, isThere) in all where !isThere {
      throw wrong("\(kind.rawValue) table's \(name)", expected: "a function", got: "null")
    }
  }
}
