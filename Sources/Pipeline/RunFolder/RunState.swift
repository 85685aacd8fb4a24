import Checkpoints
import Foundation
import JSON
import Transformer

/// How far a run has come: what `resume` needs to go on as if nothing had happened. It is replaced as a whole after each
/// stage and each training checkpoint; files that it names were on the disk before.
package struct RunState: Equatable {
  /// A file in the run folder with the SHA-256 of its bytes.
  struct StoredFile: Equatable {
    let name: String
    let sha256: String
  }

  /// Where the model as it is now comes from.
  struct ModelPlace: Equatable {
    /// A folder that a stage wrote; nil for the run's own model.
    var folder: String?
    /// What is read of it: every shard, their index, the configuration.
    var files: [StoredFile] = []
    var origin: ModelOrigin?
    /// Positions in that checkpoint, [layers].
    var selected: [KeptUnits]
  }

  /// What the rounds of a train stage have come to.
  struct TrainingProgress: Equatable {
    /// Steps of all rounds so far.
    var steps = 0
    /// Where the data stream stands; nil before the first row.
    var data: JSONValue?
    /// Optimizer moments for the next round.
    var moments: StoredFile?
    var optimizerSteps = 0
  }

  /// The middle of a train stage.
  struct TrainingCheckpoint: Equatable {
    /// Steps of this round so far.
    var step: Int
    var file: StoredFile
    var optimizerSteps: Int
    var data: JSONValue
  }

  struct Saved: Equatable {
    let directory: String
    let parameters: Int
    /// Of all files.
    let bytes: Int
    /// nil of what an older version saved.
    let weights: StoredWeights?
    let leftBehind: [LeftBehind]
  }

  /// SHA-256 of the resolved manifest's file.
  let manifest: String
  var executionsDone = 0
  var iterations = 0
  var evaluations = 0
  var savedModels: [Saved] = []
  var model: ModelPlace
  /// By the stage's name.
  var training: [String: TrainingProgress] = [:]
  /// Of the train stage under way, the oldest first. More than one, so that a damaged one has another behind it.
  var checkpoints: [TrainingCheckpoint] = []

  /// Names, within the run folder, of everything in `state/` that is still needed.
  var names: Set<String> {
    var names: Set<String> = [RunLayout.state]
    if let folder = model.folder { names.insert(folder) }
    for progress in training.values { if let moments = progress.moments { names.insert(moments.name) } }
    return names.union(checkpoints.map(\.file.name))
  }

  /// What the run cannot go on without; a checkpoint that is damaged costs only the steps since the one before.
  var files: [StoredFile] {
    model.files + training.values.compactMap(\.moments)
  }
}

// MARK: - JSON

extension RunState {
  var json: JSONValue {
    var object: JSONObject = [
      "manifest_sha256": .string(manifest), "executions_done": .integer(executionsDone),
      "iterations": .integer(iterations), "evaluations": .integer(evaluations),
      "saved_models": .array(savedModels.map(\.json)),
      "model": model.json,
      "training": .object(
        JSONObject(training.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) })),
    ]
    object["checkpoints"] = .array(checkpoints.map(\.json))
    return .object(object)
  }

  /// nil if a member is missing or of the wrong type.
  init?(json: JSONValue) {
    guard let manifest = json["manifest_sha256"]?.stringValue,
      let done = json["executions_done"]?.integerValue,
      let iterations = json["iterations"]?.integerValue, let evaluations = json["evaluations"]?.integerValue,
      let saved = json["saved_models"]?.arrayValue, let model = json["model"].flatMap(ModelPlace.init(json:)),
      case .object(let training)? = json["training"]
    else { return nil }
    self.init(
      manifest: manifest, executionsDone: done, iterations: iterations, evaluations: evaluations, model: model
    )
    for value in saved {
      guard let model = Saved(json: value) else { return nil }
      savedModels.append(model)
    }
    for member in training.members {
      guard let progress = TrainingProgress(json: member.value) else { return nil }
      self.training[member.key] = progress
    }
    for value in json["checkpoints"]?.arrayValue ?? [] {
      guard let checkpoint = TrainingCheckpoint(json: value) else { return nil }
      checkpoints.append(checkpoint)
    }
  }
}

extension RunState.Saved {
  var json: JSONValue {
    var object: JSONObject = [
      "directory": .string(directory), "parameters": .integer(parameters), "bytes": .integer(bytes),
    ]
    object["weight_bytes"] = weights.map { .integer($0.bytes) }
    object["weight_type"] = weights.map { .string($0.type.rawValue) }
    object["left_behind"] = .array(leftBehind.map(\.json))
    return .object(object)
  }

  init?(json: JSONValue) {
    guard let directory = json["directory"]?.stringValue, let parameters = json["parameters"]?.integerValue,
      let bytes = json["bytes"]?.integerValue
    else { return nil }
    let weights = json["weight_bytes"]?.integerValue.flatMap { bytes in
      json["weight_type"]?.stringValue.flatMap(StorageType.init(rawValue:)).map {
        StoredWeights(bytes: bytes, type: $0)
      }
    }
    self.init(
      directory: directory, parameters: parameters, bytes: bytes, weights: weights,
      leftBehind: (json["left_behind"]?.arrayValue ?? []).compactMap(LeftBehind.init(json:)))
  }

  /// A line of the event log.
  func event(stage: String, path: String) -> JSONObject {
    var event: JSONObject = ["stage": .string(stage), "path": .string(path)]
    for member in json.objectValue?.members ?? [] { event[member.key] = member.value }
    return event
  }
}

extension RunState.StoredFile {
  var json: JSONValue { ["name": .string(name), "sha256": .string(sha256)] }

  init?(json: JSONValue) {
    guard let name = json["name"]?.stringValue, let sha256 = json["sha256"]?.stringValue else { return nil }
    self.init(name: name, sha256: sha256)
  }
}

extension RunState.TrainingCheckpoint {
  var json: JSONValue {
    [
      "step": .integer(step), "file": file.json, "optimizer_steps": .integer(optimizerSteps), "data": data,
    ]
  }

  init?(json: JSONValue) {
    guard let step = json["step"]?.integerValue,
      let file = json["file"].flatMap(RunState.StoredFile.init(json:)),
      let steps = json["optimizer_steps"]?.integerValue, let data = json["data"]
    else { return nil }
    self.init(step: step, file: file, optimizerSteps: steps, data: data)
  }
}

extension RunState.TrainingProgress {
  var json: JSONValue {
    var object: JSONObject = ["steps": .integer(steps), "optimizer_steps": .integer(optimizerSteps)]
    object["data"] = data
    object["moments"] = moments?.json
    return .object(object)
  }

  init?(json: JSONValue) {
    guard let steps = json["steps"]?.integerValue, let optimizerSteps = json["optimizer_steps"]?.integerValue
    else { return nil }
    self.init(
      steps: steps, data: json["data"], moments: json["moments"].flatMap(RunState.StoredFile.init(json:)),
      optimizerSteps: optimizerSteps)
  }
}

extension RunState.ModelPlace {
  var json: JSONValue {
    var object: JSONObject = ["selected": .array(selected.map(\.json))]
    if let folder, let origin {
      object["folder"] = .string(folder)
      object["files"] = .array(files.map(\.json))
      object["original_units"] = .array(origin.kept.map(\.json))
      object["original_groups"] = .array(origin.groupCounts.map { .integer($0) })
      object["original_channels"] = .array(origin.channelCounts.map { .integer($0) })
    }
    return .object(object)
  }

  init?(json: JSONValue) {
    func integers(_ key: String) -> [Int]? { json[key].flatMap(RunState.integers) }
    func units(_ key: String) -> [KeptUnits]? {
      guard let list = json[key]?.arrayValue else { return nil }
      let units = list.compactMap(KeptUnits.init(json:))
      return units.count == list.count ? units : nil
    }
    guard let selected = units("selected") else { return nil }
    self.init(selected: selected)
    guard let folder = json["folder"]?.stringValue else { return }
    guard let list = json["files"]?.arrayValue, !list.isEmpty, let kept = units("original_units"),
      let groups = integers("original_groups"), let channels = integers("original_channels")
    else { return nil }
    files = list.compactMap(RunState.StoredFile.init(json:))
    guard files.count == list.count else { return nil }
    self.folder = folder
    origin = ModelOrigin(kept: kept, groupCounts: groups, channelCounts: channels)
  }
}

extension RunState {
  static func integers(_ value: JSONValue) -> [Int]? {
    guard let list = value.arrayValue else { return nil }
    let integers = list.compactMap(\.integerValue)
    return integers.count == list.count ? integers : nil
  }
}

extension KeptUnits {
  var json: JSONValue {
    [
      "attention": .array(groups.map { .integer($0) }), "mlp": .array(channels.map { .integer($0) }),
    ]
  }

  init?(json: JSONValue) {
    guard let groups = json["attention"].flatMap(RunState.integers),
      let channels = json["mlp"].flatMap(RunState.integers)
    else { return nil }
    self.init(groups: groups, channels: channels)
  }
}
