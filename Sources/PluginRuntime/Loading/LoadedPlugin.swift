import JSON
import PluginABI

/// What a plugin says of itself.
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
  /// All that its instances may ask for.
  public var statistics: [Statistic]
  /// Of a criterion: scores compare across families, with some options at least.
  public var scoresCompare: Bool
  /// The ABI that both sides speak.
  public var abi: ABIVersion
  /// An absolute path.
  public var library: String
}

/// A plugin whose library is loaded and whose descriptor has been checked.
@dynamicMemberLookup
public struct LoadedPlugin: @unchecked Sendable {
  public let about: PluginAbout
  public let schema: OptionsSchema
  /// The version whose header it was compiled with.
  package let builtFor: ABIVersion

  public subscript<Value>(dynamicMember member: KeyPath<PluginAbout, Value>) -> Value {
    about[keyPath: member]
  }

  let backing: Backing

  /// Where its functions are.
  enum Backing {
    /// In this process: the table of the plugin's kind, constant until the process ends; hence `@unchecked Sendable`.
    case table(UnsafeRawPointer)
    /// In a process of their own.
    case worker(PluginWorker)
    /// In this process: one plain function, of a criterion.
    case function(ForeignFunction)
  }

  /// - Parameter isolation: what it may use in a process of its own; nil: it is loaded into this one.
  public init(loading description: PluginDescription, isolated isolation: Isolation?) throws(PluginError) {
    guard let isolation else {
      try self.init(loading: description)
      return
    }
    let worker = try PluginWorker(for: description, within: isolation)
    try self.init(
      worker.load(description), in: worker)
  }

  public init(loading description: PluginDescription) throws(PluginError) {
    if let signature = description.function {
      try self.init(description, signature)
      return
    }
    let library = try PluginLibrary(opening: description.library, for: description)
    let ids = library.descriptors.map { $0.id.map { String(cString: $0) } ?? "" }
    guard let index = ids.firstIndex(of: description.id) else {
      throw .badDescriptor(
        library: library.path, plugin: description.id, field: "id", expected: "in the library",
        got: "missing: it holds " + (ids.isEmpty ? "no plugin" : ids.joined(separator: ", ")))
    }
    try self.init(
      DescriptorReader(
        library: library.path, plugin: description.id, descriptor: library.descriptors[index]),
      as: description, library)
  }

  /// A plain function: its plugin.json says all that there is to say.
  private init(_ description: PluginDescription, _ signature: ForeignSignature) throws(PluginError) {
    let function = try ForeignFunction(signature, of: description)
    about = PluginAbout(
      id: description.id, kind: description.kind, version: description.version,
      summary: description.summary, licence: signature.licence, paper: signature.paper, optionsSchema: "{}",
      statistics: signature.statistics, scoresCompare: signature.scoresCompare, abi: .host,
      library: function.library)
    schema = OptionsSchema()
    builtFor = .host
    backing = .function(function)
  }

  /// A plugin in a process of its own, as that process describes it.
  private init(_ about: PluginAbout, in worker: PluginWorker) throws(PluginError) {
    self.about = about
    do { schema = try OptionsSchema(parsing: about.optionsSchema) } catch {
      throw .badDescriptor(
        library: about.library, plugin: about.id, field: "options_schema",
        expected: "a JSON Schema of an object", got: "wrong: \(error)")
    }
    builtFor = about.abi
    backing = .worker(worker)
  }

  private init(
    _ reader: DescriptorReader, as description: PluginDescription, _ library: PluginLibrary
  ) throws(PluginError) {
    let descriptor = reader.descriptor
    let id = try reader.text(descriptor.id, "id")
    if !isPluginID(id) { throw reader.wrong("id", expected: pluginIDSyntax, got: "\"\(id)\"") }
    let kind = try reader.kind()
    if kind != description.kind {
      throw reader.wrong(
        "kind", expected: "\(description.kind.rawValue) as in \(description.manifest)", got: kind.rawValue)
    }
    let version = try reader.text(descriptor.version, "version")
    if version != description.version {
      throw reader.wrong(
        "version", expected: "\(description.version) as in \(description.manifest)", got: version)
    }
    let summary = try reader.text(descriptor.summary, "summary")
    let licence = try reader.text(descriptor.licence, "licence")
    let optionsSchema = try reader.text(descriptor.options_schema, "options_schema")
    do {
      schema = try OptionsSchema(parsing: optionsSchema)
    } catch {
      throw reader.wrong("options_schema", expected: "a JSON Schema of an object", got: "wrong: \(error)")
    }
    guard let names = descriptor.statistics else {
      throw reader.wrong("statistics", expected: "a list that ends with null", got: "null")
    }
    let statistics = try description.offered.resolve(list(names), for: kind, plugin: id)
    guard let interface = descriptor.interface else {
      throw reader.wrong("interface", expected: "a table", got: "null")
    }
    try reader.requireFunctions(kind.functions, of: kind, at: interface, speaking: library.version)
    backing = .table(interface)
    builtFor = library.builtFor
    about = PluginAbout(
      id: id, kind: kind, version: version, summary: summary, licence: licence,
      paper: descriptor.paper.map { String(cString: $0) }, optionsSchema: optionsSchema,
      statistics: statistics, scoresCompare: descriptor.scores_compare != 0, abi: library.version,
      library: reader.library)
  }

  /// This plugin's options, defaults filled in.
  public func resolve(_ options: JSONValue, at path: String = "") throws(PluginError) -> JSONValue {
    do { return try schema.resolve(options, at: path) } catch { throw .badOptions(plugin: about.id, error) }
  }
}

extension StatisticRegistry {
  /// The statistics that a plugin names.
  fileprivate func resolve(
    _ names: [String], for kind: PluginKind, plugin: String
  ) throws(PluginError) -> [Statistic] {
    let known = entries(for: kind)
    var statistics: [Statistic] = []
    for name in names {
      guard let statistic = known.first(where: { $0.name == name }) else {
        throw .unknownStatistic(plugin: plugin, statistic: name, kind: kind, known: known.map(\.name))
      }
      statistics.append(statistic)
    }
    return statistics
  }
}

/// The strings of a list that ends with a null pointer.
func list(_ pointer: UnsafePointer<UnsafePointer<CChar>?>) -> [String] {
  var texts: [String] = []
  while let text = pointer[texts.count] { texts.append(String(cString: text)) }
  return texts
}

private struct DescriptorReader {
  let library: String
  let plugin: String
  let descriptor: ap_descriptor

  func wrong(_ field: String, expected: String, got: String) -> PluginError {
    .badDescriptor(library: library, plugin: plugin, field: field, expected: expected, got: got)
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
    _ type: Functions.Type, of kind: PluginKind, at table: UnsafeRawPointer, speaking version: ABIVersion
  ) throws(PluginError) {
    try requireSize(table.assumingMemoryBound(to: UInt32.self).pointee, type, in: library)
    let table = whole(table.assumingMemoryBound(to: type), speaking: version)
    let all =
      [("create", table.common.create != nil), ("destroy", table.common.destroy != nil)] + table.required
    for (name, isThere) in all where !isThere {
      throw wrong("\(kind.rawValue) table's \(name)", expected: "a function", got: "null")
    }
  }
}
