import JSON
import PluginRuntime

/// The author's options and data for the checks, from `check` in the `plugin.json`.
struct OwnTestData: Sendable {
  /// The options of every instance.
  let options: JSONObject
  /// The data that the options name, by option.
  let corpora: [String: HostServices.Corpus]
  /// Says why the data cannot be read. nil if it can.
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
