import JSON
import PluginABI

/// What the kinds of instance have in common: made with options, destroyed once.
final class PluginInstance {
  let plugin: LoadedPlugin
  let host: HostTable
  let pointer: UnsafeMutableRawPointer?
  private let destroy: @convention(c) (UnsafeMutableRawPointer?) -> Void

  typealias Create =
    @convention(c) (
      UnsafePointer<ap_host>?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafeMutableRawPointer?>?
    ) -> ap_status

  /// - Parameter options: resolved, defaults filled in.
  init(
    of plugin: LoadedPlugin, options: JSONValue, services: HostServices, create: Create?,
    destroy: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  ) throws(PluginError) {
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
    self.host = host
    self.destroy = destroy
    pointer = made
  }

  deinit { inCall(of: plugin.id, "destroy") { destroy(pointer) } }

  /// What an instance is told that asks for a statistic which nobody hands in.
  func missing(_ statistic: Statistic, at place: String) -> PluginError {
    .outOfRange(
      plugin: plugin.id, place: place, field: "statistic \"\(statistic)\"", expected: "handed in by the host",
      got: "missing")
  }

  /// What the instance asks for with its options: of the descriptor's, or all of them.
  func statistics(
    _ ask: (@convention(c) (UnsafeMutableRawPointer?) -> UnsafePointer<UnsafePointer<CChar>?>?)?
  ) throws(PluginError) -> [Statistic] {
    guard let ask else { return plugin.statistics }
    guard let names = ask(pointer) else { return plugin.statistics }
    var asked: [Statistic] = []
    for name in list(names) {
      guard let statistic = plugin.statistics.first(where: { $0.name == name }) else {
        throw .badDescriptor(
          library: plugin.library, plugin: plugin.id, field: "the answer of `statistics`",
          expected: "among the descriptor's (\(plugin.statistics.map(\.name).joined(separator: ", ")))",
          got: "\"\(name)\"")
      }
      asked.append(statistic)
    }
    return asked
  }
}
