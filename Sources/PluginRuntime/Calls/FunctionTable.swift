import JSON
import PluginABI

/// An instance in this process: the table of its kind's C functions, and the memory that `create` returned.
class FunctionTable<Functions: PluginFunctions>: InstanceCalls {
  let functions: Functions
  let plugin: LoadedPlugin
  let host: HostTable
  let pointer: UnsafeMutableRawPointer?
  private(set) var statistics: [Statistic] = []
  private(set) var traits: Set<Trait> = []

  /// - Parameter options: defaults filled in.
  init(
    _ plugin: LoadedPlugin, _ table: UnsafeRawPointer, _ options: JSONValue, _ services: HostServices
  ) throws(PluginError) {
    let functions = whole(table.assumingMemoryBound(to: Functions.self), speaking: plugin.abi)
    // The loader has checked this.
    guard let create = functions.common.create else {
      throw .badDescriptor(
        library: plugin.library, plugin: plugin.id, field: "create", expected: "a function", got: "null")
    }
    let host = HostTable(services, plugin: plugin.id, options: options.objectValue ?? JSONObject())
    var made: UnsafeMutableRawPointer?
    try host.call("create") { create($0, options.compact, &made) }
    self.functions = functions
    self.plugin = plugin
    self.host = host
    pointer = made
    // From here on `deinit` destroys the instance, whatever is thrown.
    statistics = try askStatistics()
    traits = Set(try functions.traits(of: made, plugin).filter { $0.value != 0 }.map(\.key))
  }

  deinit { inCall(of: plugin.id, "destroy") { functions.common.destroy?(pointer) } }

  /// The statistics that the instance asks for: those of the descriptor if it does not say.
  private func askStatistics() throws(PluginError) -> [Statistic] {
    guard let names = functions.common.statistics?(pointer) else { return plugin.statistics }
    return try plugin.statistics.named(by: names) { name in
      .badDescriptor(
        library: plugin.library, plugin: plugin.id, field: "the answer of `statistics`",
        expected: "among the descriptor's (\(plugin.statistics.map(\.name).joined(separator: ", ")))",
        got: "\"\(name)\"")
    }
  }

  /// Seals the arena and calls `function`.
  func call(
    _ function: String, _ model: ModelSummary, _ arena: Arena, evaluating: Bool = false,
    _ body: (UnsafePointer<ap_host>, UnsafePointer<ap_model>?) -> ap_status
  ) throws(PluginError) {
    let model = model.inMemory(of: arena)
    arena.seal()
    try host.call(function, evaluating: evaluating) { body($0, model) }
  }

  /// The error for a statistic that the caller did not hand in.
  func missing(_ statistic: Statistic, at place: String) -> PluginError {
    .outOfRange(
      plugin: plugin.id, place: place, field: "statistic \"\(statistic)\"", expected: "handed in by the host",
      got: "missing")
  }

  /// The values of an array that the plugin wrote.
  /// - Throws: if the plugin wrote behind its end.
  func values<Value>(
    of output: OutputArray<Value>, _ field: String, at place: String, counting what: String = "elements"
  ) throws(PluginError) -> [Value] {
    guard output.isOverrun else { return output.values }
    throw .outOfRange(
      plugin: plugin.id, place: place, field: field, expected: "\(output.count) \(what)", got: "more")
  }
}

/// The functions that every kind has.
struct CommonFunctions {
  var create:
    (
      @convention(c) (
        UnsafePointer<ap_host>?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
      ) -> ap_status
    )?
  var destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  /// An evaluator has none.
  var statistics: (@convention(c) (UnsafeMutableRawPointer?) -> UnsafePointer<UnsafePointer<CChar>?>?)?
}

/// A kind's table of C functions.
protocol PluginFunctions {
  var common: CommonFunctions { get }
  /// The functions that this kind must have besides, and whether each is there.
  var required: KeyValuePairs<String, Bool> { get }
  /// What the instance answers about its traits: 0 is no.
  func traits(
    of instance: UnsafeMutableRawPointer?, _ plugin: LoadedPlugin
  ) throws(PluginError) -> KeyValuePairs<Trait, Int32>
}

extension PluginKind {
  var functions: any PluginFunctions.Type {
    switch self {
    case .criterion: ap_criterion.self
    case .allocator: ap_allocator.self
    case .compensator: ap_compensator.self
    case .transform: ap_transform.self
    case .evaluator: ap_evaluator.self
    }
  }
}

extension ap_criterion: PluginFunctions {
  var common: CommonFunctions { CommonFunctions(create: create, destroy: destroy, statistics: statistics) }
  var required: KeyValuePairs<String, Bool> { ["score": score != nil] }

  func traits(
    of instance: UnsafeMutableRawPointer?, _ plugin: LoadedPlugin
  ) throws(PluginError) -> KeyValuePairs<Trait, Int32> {
    guard let answer = scores_compare?(instance) else {
      return [.scoresCompare: plugin.scoresCompare ? 1 : 0]
    }
    if answer != 0, !plugin.scoresCompare {
      throw .badDescriptor(
        library: plugin.library, plugin: plugin.id, field: "the answer of `scores_compare`",
        expected: "zero, as in the descriptor", got: "another number")
    }
    return [.scoresCompare: answer]
  }
}

extension ap_allocator: PluginFunctions {
  var common: CommonFunctions { CommonFunctions(create: create, destroy: destroy, statistics: statistics) }
  var required: KeyValuePairs<String, Bool> {
    ["allocate": allocate != nil, "meets_goal": meets_goal != nil]
  }

  func traits(of instance: UnsafeMutableRawPointer?, _: LoadedPlugin) -> KeyValuePairs<Trait, Int32> {
    [.meetsGoal: meets_goal(instance)]
  }
}

extension ap_compensator: PluginFunctions {
  var common: CommonFunctions { CommonFunctions(create: create, destroy: destroy, statistics: statistics) }
  var required: KeyValuePairs<String, Bool> {
    ["follows_cut": follows_cut != nil, "adds_bias": adds_bias != nil, "compensate": compensate != nil]
  }

  func traits(of instance: UnsafeMutableRawPointer?, _: LoadedPlugin) -> KeyValuePairs<Trait, Int32> {
    [.followsCut: follows_cut(instance), .addsBias: adds_bias(instance)]
  }
}

extension ap_transform: PluginFunctions {
  var common: CommonFunctions { CommonFunctions(create: create, destroy: destroy, statistics: statistics) }
  var required: KeyValuePairs<String, Bool> {
    [
      "fixes_widths": fixes_widths != nil, "centers_embeddings": centers_embeddings != nil,
      "normalises_tokens": normalises_tokens != nil, "widths": widths != nil, "orient": orient != nil,
    ]
  }

  func traits(of instance: UnsafeMutableRawPointer?, _: LoadedPlugin) -> KeyValuePairs<Trait, Int32> {
    [
      .fixesWidths: fixes_widths(instance), .centersEmbeddings: centers_embeddings(instance),
      .normalisesTokens: normalises_tokens(instance),
    ]
  }
}

extension ap_evaluator: PluginFunctions {
  var common: CommonFunctions { CommonFunctions(create: create, destroy: destroy) }
  var required: KeyValuePairs<String, Bool> { ["evaluate": evaluate != nil] }

  func traits(of _: UnsafeMutableRawPointer?, _: LoadedPlugin) -> KeyValuePairs<Trait, Int32> { [:] }
}
