import JSON
import PluginRuntime
import RunRecords

/// Reads the stages of a manifest, and notes all mistakes in `reading`. With a mistake the resolver throws, and nobody
/// uses what was read.
package final class StageReading {
  let reading: ManifestReading
  let names: [JSONPath: String]
  let kinds: StageKinds
  let catalog: PluginCatalog
  /// The named inputs of the manifest.
  let inputs: JSONObject
  /// The inputs whose absence has been told.
  var missed: Set<String> = []
  /// The isolation of plugins whose stage doesn't say.
  let isolation: Isolation?
  private var seen: [String: JSONPath] = [:]

  /// - Parameter document: the manifest's top level.
  init(
    _ document: JSONObject, _ catalog: PluginCatalog, kinds: StageKinds = .shipped,
    isolation: Isolation? = nil, reading: ManifestReading
  ) {
    (self.catalog, self.kinds) = (catalog, kinds)
    (self.isolation, self.reading) = (isolation, reading)
    names = StageNames.all(in: .object(document))
    inputs = document["inputs"]?.objectValue ?? [:]
  }

  func stages(_ value: JSONValue, at path: JSONPath) -> [Stage] {
    reading.list(value, at: path, expected: "a list of stages", of: "stage") { stage($0, at: $1) } ?? []
  }

  private func stage(_ value: JSONValue, at path: JSONPath) -> Stage? {
    let known = kinds.names.joined(separator: ", ")
    guard case .object(let object) = value else {
      reading.problem(path, value.shown, expected: "an object with \"stage\": one of \(known)")
      return nil
    }
    guard let word = object["stage"] else {
      reading.problem(path.key("stage"), "missing", expected: "one of \(known)")
      return nil
    }
    guard let kind = word.stringValue.flatMap(kinds.named) else {
      reading.unknownChoice(word, at: path.key("stage"), of: kinds.names)
      return nil
    }
    return Stage(
      name: name(of: object, at: path), path: path, work: kind.read(value, at: path, self))
  }

  private func name(of object: JSONObject, at path: JSONPath) -> String {
    let place = path.key("name")
    if let given = object["name"], given.stringValue == nil {
      reading.problem(place, given.shown, expected: "a string")
    }
    let name = names[path] ?? ""
    let allowed = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    if name.isEmpty || !allowed || name.allSatisfy(\.isNumber) {
      reading.problem(
        place, "\"\(name)\" is no name for a stage", expected: "letters, digits, - and _, not digits alone")
    } else if name.utf8.count > RunLayout.longestStageName {
      reading.problem(
        place, "the name has \(name.utf8.count) characters",
        expected: "at most \(RunLayout.longestStageName), since files are called by it")
    } else if let first = seen[name] {
      reading.problem(place, "\"\(name)\" is already the name of \(first)", advice: "choose another")
    }
    seen[name] = seen[name] ?? path
    return name
  }

  // MARK: - Plugins

  /// The plugin at `path`: an object, or its id alone. Nil, with a problem noted, if there is no such plugin, or if its
  /// options are wrong.
  func plugin(
    _ value: JSONValue, _ kind: PluginKind, _ isolation: Isolation?, at path: JSONPath
  ) -> PluginUse? {
    let keys = ["id", "options"]
    guard let reader = ObjectReader(value, short: "id", at: path, keys: keys, reading: reading),
      reader.required("id", expected: "the id of \(kind.phrase)") != nil, let id = reader.text("id")
    else { return nil }
    guard let entry = catalog.entry(id) else {
      let known = catalog.entries.filter { $0.kind == kind }.map(\.id)
      reader.problem(
        "id", "there is no plugin \"\(id)\"",
        advice: NearestName.advice(for: id, among: known, called: kind.plural)
          + " (adapt-pruner plugin lists them)")
      return nil
    }
    guard entry.kind == kind else {
      reader.problem("id", "\(id) is \(entry.kind.phrase)", expected: kind.phrase)
      return nil
    }
    let given = reader.value("options", expected: "an object", \.objectValue)
    guard let options = reader.object["options"] == nil ? [:] : given else { return nil }
    return use(entry, isolation, options, at: path.key("options"))
  }

  private func use(
    _ entry: PluginCatalog.Entry, _ isolation: Isolation?, _ given: JSONObject, at path: JSONPath
  ) -> PluginUse? {
    do throws(PluginError) {
      let opened = try entry.open(isolation)
      var options = given
      var sources: [String: DataSource] = [:]
      var isReadable = true
      for property in opened.schema.properties where property.isData {
        guard let value = options[property.name] else { continue }
        if let source = source(value, at: path.key(property.name)) {
          sources[property.name] = source
          options[property.name] = source.json
        } else {
          isReadable = false
        }
      }
      let (resolved, mistakes) = opened.schema.resolveAll(options)
      for mistake in mistakes { reading.problem(path, mistake) }
      guard mistakes.isEmpty, isReadable else { return nil }
      return PluginUse(
        id: entry.id, options: resolved, data: sources,
        answers: try opened.answers(.object(resolved)), isolation: isolation)
    } catch {
      reading.problem(path, "\(error)")
      return nil
    }
  }
}

extension ManifestReading {
  /// Notes a mistake in the options of a plugin, whose place is `path`.
  fileprivate func problem(_ path: JSONPath, _ mistake: OptionsError) {
    guard !mistake.path.isEmpty else { return problem(path, mistake.reason) }
    let option = path.key(mistake.firstKey)
    let within = mistake.path.dropFirst(mistake.firstKey.count)
    problem(option, (within.isEmpty ? "" : "at \(within): ") + mistake.reason)
  }
}

extension PluginKind {
  /// The kind with its article: `a criterion`.
  var phrase: String { (self == .allocator || self == .evaluator ? "an " : "a ") + rawValue }
  var plural: String { self == .criterion ? "criteria" : "\(rawValue)s" }
}
