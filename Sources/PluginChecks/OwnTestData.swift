import JSON
import PluginRuntime

/// What a plugin's author gives to its checks: the `check` of its `plugin.json`.
struct OwnTestData: Sendable {
  /// Options for every instance.
  let options: JSONObject
  /// The data that they name, by option.
  let corpora: [String: HostServices.Corpus]
  /// Why it is of no use; nil if it is.
  let problem: String?

  /// - Parameter read: reads the value of a data option.
  init(
    of plugin: LoadedPlugin, _ description: PluginDescription,
    reading read: (_ option: String, _ value: JSONValue, _ manifest: String) throws -> HostServices.Corpus
  ) {
    options = description.checkOptions
    var corpora: [String: HostServices.Corpus] = [:]
    var problem: String?
    for property in plugin.schema.properties where property.isData {
      guard let value = options[property.name] else { continue }
      do { corpora[property.name] = try read(property.name, value, description.manifest) } catch {
        problem = problem ?? "\(error)"
      }
    }
    self.corpora = corpora
    self.problem = problem
  }
}
