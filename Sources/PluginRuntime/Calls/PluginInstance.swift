import JSON
import PluginABI

/// What the kinds of instance have in common: made with options, destroyed once.
final class PluginInstance {
  let plugin: LoadedPlugin
  /// Resolved: defaults filled in.
  let options: JSONValue
  let host: HostTable
  let pointer: UnsafeMutableRawPointer?
  private let destroy: @convention(c) (UnsafeMutableRawPointer?) -> Void

  typealias Create =
    @convention(c) (
      UnsafePointer<ap_host>?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> ap_status

  init(
    of plugin: LoadedPlugin, options: JSONValue, services: HostServices, create: Create?,
    destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  ) throws(PluginError) {
    let options = try plugin.resolve(options)
    // Both were checked when the plugin was loaded.
    guard let create, let destroy else {
      throw .badDescriptor(
        library: plugin.library, plugin: plugin.id, field: "create", expected: "a function", got: "null")
    }
    let host = HostTable(
      services, plugin: plugin.id, options: options.objectValue ?? JSONObject())
    var made: UnsafeMutableRawPointer?
    try host.call("create") { create($0, options.compact, &made) }
    self.plugin = plugin
    self.options = options
    self.host = host
    self.destroy = destroy
    pointer = made
  }

  deinit { destroy(pointer) }

  /// The table of functions, if the plugin is of that kind.
  static func table<Table>(
    of plugin: LoadedPlugin, kind: PluginKind, as type: Table.Type
  ) throws(PluginError) -> Table {
    if plugin.kind != kind { throw .wrongKind(plugin: plugin.id, expected: kind, got: plugin.kind) }
    return plugin.interface.assumingMemoryBound(to: type).pointee
  }

  /// What the instance asks for with its options: of the descriptor's, or all of them.
  func statistics(
    _ ask: (@convention(c) (UnsafeMutableRawPointer?) -> UnsafePointer<UnsafePointer<CChar>?>?)?
  ) throws(PluginError) -> [String] {
    guard let ask else { return plugin.statistics }
    guard let names = ask(pointer) else { return plugin.statistics }
    let asked = list(names)
    for name in asked where !plugin.statistics.contains(name) {
      throw .unknownStatistic(
        plugin: plugin.id, statistic: name, kind: plugin.kind, known: plugin.statistics)
    }
    return asked
  }
}
