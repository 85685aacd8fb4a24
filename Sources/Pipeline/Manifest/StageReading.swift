import JSON
import PluginRuntime
import RunRecords
import Transformer

/// Reads the stages of a manifest. Everything that is wrong is noted in `reading`; what is returned then is
/// of no use, and the resolver throws.
struct StageReading {
  let reading: ManifestReading
  let names: StageNames
  let catalog: PluginCatalog
  var data: DataReading
  /// Of plugins of stages that say nothing of it.
  let isolation: Isolation?
  private var seen: [String: JSONPath] = [:]

  init(
    reading: ManifestReading, names: StageNames, catalog: PluginCatalog, data: DataReading,
    isolation: Isolation?
  ) {
    self.isolation = isolation
    self.reading = reading
    self.names = names
    self.catalog = catalog
    self.data = data
  }

  private enum Kind: String, CaseIterable { case evaluate, prune, transform, train, save, `repeat` }

  mutating func stages(_ value: JSONValue, at path: JSONPath) -> [Stage] {
    guard let elements = value.arrayValue else {
      reading.problem(path, value.shown, expected: "a list of stages")
      return []
    }
    if elements.isEmpty { reading.problem(path, "the list is empty", expected: "at least one stage") }
    var stages: [Stage] = []
    for (index, element) in elements.enumerated() {
      if let stage = stage(element, at: path.index(index)) { stages.append(stage) }
    }
    return stages
  }

  private mutating func stage(_ value: JSONValue, at path: JSONPath) -> Stage? {
    let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
    guard case .object(let object) = value else {
      reading.problem(path, value.shown, expected: "an object with \"stage\": one of \(kinds)")
      return nil
    }
    guard let word = object["stage"] else {
      reading.problem(path.key("stage"), "missing", expected: "one of \(kinds)")
      return nil
    }
    guard let kind = word.stringValue.flatMap(Kind.init(rawValue:)) else {
      reading.unknownChoice(word, at: path.key("stage"), of: Kind.self)
      return nil
    }
    let name = name(of: object, at: path)
    func stage(_ work: StageWork) -> Stage { Stage(name: name, path: path, work: work) }
    switch kind {
    case .evaluate: return evaluate(object, at: path).map { stage(.evaluate($0)) }
    case .prune: return prune(object, at: path).map { stage(.prune($0)) }
    case .transform: return transform(object, at: path).map { stage(.transform($0)) }
    case .train: return train(object, at: path).map { stage(.train($0)) }
    case .save: return stage(.save(save(object, at: path)))
    case .repeat: return stage(.repeated(repeated(object, at: path)))
    }
  }

  private mutating func name(of object: JSONObject, at path: JSONPath) -> String {
    let place = path.key("name")
    if let given = object["name"], given.stringValue == nil {
      reading.problem(place, given.shown, expected: "a string")
    }
    let name = names.name(at: path) ?? ""
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

  // MARK: Kinds

  private mutating func evaluate(_ object: JSONObject, at path: JSONPath) -> EvaluateStage? {
    let reader = ObjectReader(
      object, at: path, keys: ["stage", "name", "isolate", "evaluators"], reading: reading)
    let expected = "a list of evaluators, each with \"id\" and \"options\""
    guard let value = reader.required("evaluators", expected: expected) else { return nil }
    let place = path.key("evaluators")
    guard let elements = value.arrayValue else {
      reading.problem(place, value.shown, expected: expected)
      return nil
    }
    if elements.isEmpty { reading.problem(place, "the list is empty", expected: "at least one evaluator") }
    let isolation = isolation(reader)
    var evaluators: [PluginUse] = []
    for (index, element) in elements.enumerated() {
      if let use = plugin(element, .evaluator, isolation, at: place.index(index)) { evaluators.append(use) }
    }
    return EvaluateStage(evaluators: evaluators)
  }

  private mutating func prune(_ object: JSONObject, at path: JSONPath) -> PruneStage? {
    let reader = ObjectReader(
      object, at: path,
      keys: [
        "stage", "name", "isolate", "criterion", "allocator", "compensator", "calibration", "target",
        "iterations",
        "families", "round_to", "same_size", "record_scores",
      ], reading: reading)
    let isolation = isolation(reader)
    let criterion = requiredPlugin(reader, .criterion, isolation)
    let allocator = requiredPlugin(reader, .allocator, isolation)
    let compensator = reader.object["compensator"].flatMap {
      plugin($0, .compensator, isolation, at: path.key("compensator"))
    }
    let target = TargetReading.target(reader)
    let iterations = reader.integer("iterations", default: 10, in: 1...10_000)
    let families = families(reader)
    let recordsScores = reader.flag("record_scores", default: false)
    let calibration = calibration(reader, for: [criterion, allocator, compensator].compactMap { $0 })
    if compensator != nil, families.contains(where: \.isWhole) {
      reading.problem(
        path.key("compensator"), "whole sublayers and layers have no projection that is left to be changed",
        advice: "leave it out, or prune attention and mlp")
    }
    let roundTo = reader.integer("round_to", default: 1, in: 1...1_000_000)
    let sameSize = reader.flag("same_size", default: false)
    checkWidths(reader, EqualWidths(roundTo: roundTo, sameSize: sameSize), families, allocator)
    guard let criterion, let allocator, let target, let calibration else { return nil }
    return PruneStage(
      criterion: criterion, allocator: allocator, compensator: compensator, calibration: calibration,
      target: target, iterations: iterations, families: families, roundTo: roundTo, sameSize: sameSize,
      recordsScores: recordsScores)
  }

  private mutating func transform(_ object: JSONObject, at path: JSONPath) -> TransformStage? {
    let reader = ObjectReader(
      object, at: path, keys: ["stage", "name", "isolate", "transform", "calibration", "target"],
      reading: reading)
    let transform = requiredPlugin(reader, .transform, isolation(reader))
    let hasCalibration =
      reader.required("calibration", expected: "calibration data, from which the bases are found") != nil
    let calibration = hasCalibration ? calibration(reader, for: [], inBatches: false) : nil
    let target = reader.object["target"] == nil ? nil : TargetReading.target(reader)
    guard let transform, case .sample(let sample)? = calibration else { return nil }
    let isFixed = catalog.fixesWidths(transform)
    if isFixed, reader.object["target"] != nil {
      reading.problem(
        path.key("target"), "the options of \(transform.id) say how wide the stream becomes already",
        advice: "leave out the target or that option")
    } else if !isFixed, reader.object["target"] == nil {
      reading.problem(
        path.key("target"), "missing",
        expected: "a target, or an option of \(transform.id) that says how wide the stream becomes")
    }
    return TransformStage(transform: transform, calibration: sample, target: target)
  }

  private mutating func train(_ object: JSONObject, at path: JSONPath) -> TrainStage? {
    let reader = ObjectReader(object, at: path, keys: TrainReading.keys, reading: reading)
    var training = TrainReading(data: data)
    // Which inputs are missing has been told once for all stages.
    defer { data = training.data }
    return training.stage(reader)
  }

  private func save(_ object: JSONObject, at path: JSONPath) -> SaveStage {
    let reader = ObjectReader(
      object, at: path, keys: ["stage", "name", "type", "directory"], reading: reading)
    let type = reader.choice("type", default: SaveStage.ElementType.auto)
    let directory = reader.optionalString("directory") ?? "model"
    if let reason = RunLayout.refusal(ofModelDirectory: directory) {
      reading.problem(
        path.key("directory"), "\"\(directory)\" \(reason)", expected: "a path within the run folder")
    }
    return SaveStage(type: type, directory: directory)
  }

  private mutating func repeated(_ object: JSONObject, at path: JSONPath) -> RepeatStage {
    let reader = ObjectReader(
      object, at: path, keys: ["stage", "name", "times", "stages"], reading: reading)
    _ = reader.required("times", expected: "how many times, an integer from 1 to 1000")
    let times = reader.integer("times", default: 1, in: 1...1000)
    guard let inner = reader.required("stages", expected: "a list of stages") else {
      return RepeatStage(times: times, stages: [])
    }
    return RepeatStage(times: times, stages: stages(inner, at: path.key("stages")))
  }

  // MARK: Parts of prune and transform stages

  /// - Parameter inBatches: whether it matters which sequences are a mini-batch.
  private mutating func calibration(
    _ reader: ObjectReader, for plugins: [PluginUse], inBatches: Bool = true
  ) -> Calibration? {
    let place = reader.path.key("calibration")
    guard let value = reader.object["calibration"] else {
      guard let needing = plugins.first(where: { !$0.statistics.isEmpty }) else { return Calibration.none }
      let wanted = needing.statistics.map(\.name).joined(separator: ", ")
      reading.problem(
        place, "missing", expected: "calibration data, since \(needing.id) needs statistics (\(wanted))")
      return nil
    }
    let keys = ["data", "sequences", "length"] + (inBatches ? ["batch_size"] : [])
    guard let inner = ObjectReader(value, at: place, keys: keys, reading: reading) else { return nil }
    let sequences = inner.integer("sequences", default: 64, in: 1...1_000_000)
    // One token predicts the next: there is no loss in fewer than two.
    let length = inner.integer("length", default: 64, in: 2...1_000_000)
    let batchSize = inner.integer("batch_size", default: 16, in: 1...1_000_000)
    guard let text = inner.required("data", expected: "a path, or {\"input\": NAME}"),
      let source = data.source(text, at: place.key("data"))
    else { return nil }
    return .sample(
      CalibrationSample(data: source, sequences: sequences, length: length, batchSize: batchSize))
  }

  // MARK: Plugins

  /// Of time limits; more cannot be told from none.
  private static let mostSeconds = 1e9

  /// Whether the stage's plugins have processes of their own: true, false, or an object with what they may use there.
  private func isolation(_ reader: ObjectReader) -> Isolation? {
    guard let value = reader.object["isolate"] else { return isolation }
    if let isWanted = value.boolValue { return isWanted ? isolation ?? Isolation() : nil }
    guard value.objectValue != nil,
      let limits = reader.nested(
        "isolate", keys: ["time_limit_seconds", "load_time_limit_seconds", "memory_limit_megabytes"])
    else {
      reading.problem(
        reader.path.key("isolate"), value.shown,
        expected:
          "true, false, or an object with time_limit_seconds, load_time_limit_seconds and memory_limit_megabytes"
      )
      return nil
    }
    let standard = isolation ?? Isolation()
    func seconds(_ key: String, default standard: Double) -> Double {
      let limit = limits.number(key, default: standard, above: 0)
      if limit > Self.mostSeconds {
        reading.problem(
          reader.path.key("isolate").key(key), "\(limit)", expected: "a number above 0 and at most a billion")
      }
      return min(limit, Self.mostSeconds)
    }
    return Isolation(
      timeLimit: seconds("time_limit_seconds", default: standard.timeLimit),
      loadTimeLimit: seconds("load_time_limit_seconds", default: standard.loadTimeLimit),
      memoryLimit: limits.integer(
        "memory_limit_megabytes", default: standard.memoryLimit >> 20, in: 1...1 << 30) << 20,
      program: standard.program)
  }

  private mutating func requiredPlugin(
    _ reader: ObjectReader, _ kind: PluginKind, _ isolation: Isolation?
  ) -> PluginUse? {
    guard let value = reader.required(kind.rawValue, expected: "an object with \"id\" and \"options\"")
    else { return nil }
    return plugin(value, kind, isolation, at: reader.path.key(kind.rawValue))
  }

  private mutating func plugin(
    _ value: JSONValue, _ kind: PluginKind, _ isolation: Isolation?, at path: JSONPath
  ) -> PluginUse? {
    // A plugin all of whose options have defaults can be named by its id alone.
    let whole: JSONValue = value.stringValue == nil ? value : ["id": value]
    guard let reader = ObjectReader(whole, at: path, keys: ["id", "options"], reading: reading),
      reader.required("id", expected: "the id of \(kind.phrase)") != nil,
      let id = reader.optionalString("id")
    else { return nil }
    guard let entry = catalog.entries.first(where: { $0.id == id }) else {
      let known = catalog.entries.filter { $0.kind == kind }.map(\.id)
      reading.problem(
        path.key("id"), "there is no plugin \"\(id)\"",
        advice: NearestName.advice(for: id, among: known, called: kind.plural)
          + " (adapt-pruner plugin lists them)")
      return nil
    }
    guard entry.kind == kind else {
      reading.problem(path.key("id"), "\(id) is \(entry.kind.phrase)", expected: kind.phrase)
      return nil
    }
    return use(entry, isolation, options: reader.object["options"] ?? [:], at: path.key("options"))
  }

  private mutating func use(
    _ entry: PluginCatalog.Entry, _ isolation: Isolation?, options: JSONValue, at path: JSONPath
  ) -> PluginUse? {
    guard case .object(var object) = options else {
      reading.problem(path, options.shown, expected: "an object")
      return nil
    }
    do throws(PluginError) {
      let opened = try entry.open(isolation)
      var sources: [String: DataSource] = [:]
      var isReadable = true
      for property in opened.schema.properties where property.isData {
        guard let value = object[property.name] else { continue }
        if let source = data.source(value, at: path.key(property.name)) {
          sources[property.name] = source
          object[property.name] = source.json
        } else {
          isReadable = false
        }
      }
      switch opened.schema.resolveAll(object) {
      case .failure(let mistakes):
        for mistake in mistakes.errors { reading.problem(path, mistake) }
        return nil
      case .success(let resolved):
        guard isReadable else { return nil }
        return PluginUse(
          id: entry.id, options: resolved, data: sources,
          statistics: try opened.statistics(.object(resolved)), isolation: isolation)
      }
    } catch {
      reading.problem(path, "\(error)")
      return nil
    }
  }
}

extension ManifestReading {
  /// Notes a mistake in a plugin's options, which stand at `path`.
  fileprivate func problem(_ path: JSONPath, _ mistake: OptionsError) {
    guard !mistake.path.isEmpty else { return problem(path, mistake.reason) }
    let option = path.key(mistake.firstKey)
    let within = mistake.path.dropFirst(mistake.firstKey.count)
    problem(option, (within.isEmpty ? "" : "at \(within): ") + mistake.reason)
  }
}

extension PluginKind {
  /// With its article: `a criterion`.
  var phrase: String {
    switch self {
    case .criterion, .compensator, .transform: "a \(rawValue)"
    case .allocator, .evaluator: "an \(rawValue)"
    }
  }
  var plural: String { self == .criterion ? "criteria" : "\(rawValue)s" }
}
