import JSON
import PluginRuntime
import Wording

/// The output of `plugin list` and `plugin describe`.
public struct PluginReport: Sendable {
  private let plugins: [PluginDescription]
  private let shadowed: [PluginDescription]
  private let tried: [TriedPath]

  /// Reads the plugin.json files, and loads no plugin.
  public init(_ registry: PluginRegistry) {
    plugins = registry.plugins
    shadowed = registry.shadowed
    tried = registry.tried
  }

  /// A table of the plugins; if there are none, the folders that were searched.
  public var text: String {
    guard !plugins.isEmpty else {
      let places = tried.map { place in
        let what = place.isRefused ? ": refused, since every user can change it" : ": no such folder"
        return "  \(place.path)" + (place.found == nil ? what : "") + "\n"
      }
      return "There are no plugins. They were looked for in\n" + places.joined()
    }
    var table = TextTable([.init("id"), .init("kind"), .init("version"), .init("summary")])
    // These limits leave room for the summary, which says more.
    let widths = [44, 11, 12]
    for plugin in plugins {
      let cells = zip([plugin.id, plugin.kind.rawValue, plugin.version], widths).map {
        ShownText.value($0, longest: $1)
      }
      table.add(cells + [plugin.summary])
    }
    let places = tried.filter { $0.found?.isEmpty == false }.map { "\($0.path)\n" }
    let hidden = shadowed.map { "\n\($0.id) in \($0.manifest) is hidden by the one above.\n" }
    return table.plain(width: 100) + "\nTheir folders, the first of an id wins:\n"
      + places.joined() + hidden.joined()
  }

  public var json: JSONValue {
    [
      "plugins": .array(
        plugins.map { plugin in
          [
            "id": .string(plugin.id), "kind": .string(plugin.kind.rawValue),
            "version": .string(plugin.version), "summary": .string(plugin.summary),
            "library": .string(plugin.library), "manifest": .string(plugin.manifest),
          ]
        }),
      "shadowed": .array(shadowed.map { ["id": .string($0.id), "manifest": .string($0.manifest)] }),
      "searched": .array(
        tried.map {
          [
            "path": .string($0.path), "exists": .bool($0.found != nil || $0.isRefused),
            "refused": .bool($0.isRefused),
          ]
        }),
    ]
  }

  // MARK: One plugin

  public static func text(of plugin: LoadedPlugin) -> String {
    func shown(_ text: String) -> String { ShownText.value(text, longest: 1000) }
    var text = "\(plugin.id) \(shown(plugin.version)), \(plugin.kind.phrase)\n\(shown(plugin.summary))\n\n"
    text += "paper    \(plugin.paper.map(shown) ?? "none")\nlicence  \(shown(plugin.licence))\n"
    text += "library  \(plugin.library)\n"
    text += "needs    "
    text +=
      plugin.statistics.isEmpty ? "no statistics" : plugin.statistics.map(\.name).joined(separator: ", ")
    text += plugin.statistics.count > 1 ? " (which of them depends on the options)\n" : "\n"
    if plugin.kind == .criterion {
      text += "scores   compare \(plugin.scoresCompare ? "across families" : "within a family")\n"
    }
    guard !plugin.schema.properties.isEmpty else { return text + "\nIt has no options.\n" }
    var table = TextTable([.init("option"), .init("type"), .init("default"), .init("meaning")])
    for property in plugin.schema.properties {
      let standard = property.defaultValue.map { $0.stringValue ?? $0.compact }
      table.add([
        property.name, type(of: property), property.isRequired ? "(required)" : standard ?? "(none)",
        property.description ?? "",
      ])
    }
    return text + "\n" + table.plain
  }

  public static func json(of plugin: LoadedPlugin) -> JSONValue {
    var object: JSONObject = [
      "id": .string(plugin.id), "kind": .string(plugin.kind.rawValue), "version": .string(plugin.version),
      "summary": .string(plugin.summary), "licence": .string(plugin.licence),
      "paper": plugin.paper.map { .string($0) } ?? .null,
      "statistics": .array(plugin.statistics.map { .string($0.name) }), "library": .string(plugin.library),
      "abi": .string("\(plugin.abi)"), "options": .array(plugin.schema.properties.map(json)),
    ]
    if plugin.kind == .criterion { object["scores_compare"] = .bool(plugin.scoresCompare) }
    return .object(object)
  }

  /// The values that an option takes: `integer from 1`, `l1, l2`, `data`.
  private static func type(of property: OptionsSchema.Property) -> String {
    if property.isData { return "data" }
    if let allowed = property.allowed {
      return allowed.map { $0.stringValue ?? $0.compact }.joined(separator: ", ")
    }
    var words = property.types.isEmpty ? "anything" : property.types.map(\.rawValue).joined(separator: " or ")
    if let items = property.items.first { words += " of " + type(of: items) }
    if let minimum = property.minimum { words += " from \(plain(minimum))" }
    if let minimum = property.exclusiveMinimum { words += " above \(plain(minimum))" }
    if let maximum = property.maximum { words += " to \(plain(maximum))" }
    return words
  }

  private static func json(of property: OptionsSchema.Property) -> JSONValue {
    var object: JSONObject = [
      "name": .string(property.name), "types": .array(property.types.map { .string($0.rawValue) }),
      "required": .bool(property.isRequired), "data": .bool(property.isData),
    ]
    object["default"] = property.defaultValue
    object["allowed"] = property.allowed.map { .array($0) }
    object["minimum"] = property.minimum.map { .number($0) }
    object["exclusive_minimum"] = property.exclusiveMinimum.map { .number($0) }
    object["maximum"] = property.maximum.map { .number($0) }
    object["description"] = property.description.map { .string($0) }
    return .object(object)
  }

  /// 1 rather than 1.0.
  private static func plain(_ number: Double) -> String {
    Int(exactly: number).map(String.init) ?? "\(number)"
  }
}
