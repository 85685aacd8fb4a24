import JSON

/// `state/state.json`: how far a run has come. `resume` continues from it. It is replaced as a whole after each stage and
/// each training checkpoint. The files that it names are on the disk before.
package struct RunState: Record, Equatable {
  /// A file in the run folder, with the SHA-256 of its bytes.
  package struct StoredFile: Record, Equatable {
    package private(set) var name = ""
    package private(set) var sha256 = ""

    init() {}
    package init(name: String, sha256: String) {
      self.name = name
      self.sha256 = sha256
    }

    package static let layout = Layout<StoredFile>(
      StoredFile(), Field("name", \.name, .everybody), Field("sha256", \.sha256, .everybody))
  }

  /// The units left in a layer: positions in a checkpoint, or indices in the unpruned model.
  package struct LayerUnits: Record, Equatable {
    package var groups: [Int] = []
    package var channels: [Int] = []

    init() {}
    package init(groups: [Int], channels: [Int]) {
      self.groups = groups
      self.channels = channels
    }

    package static let layout = Layout<LayerUnits>(
      LayerUnits(), Field("attention", \.groups, .everybody), Field("mlp", \.channels, .everybody))
  }

  /// Where the current model comes from.
  package struct ModelPlace: Record, Equatable {
    /// Positions in the checkpoint, [layers].
    package var selected: [LayerUnits] = []
    /// The folder of a model that a stage wrote; nil for the run's own model. Then the rest is nil too.
    package var folder: String?
    /// The files to read: shards, their index, the configuration.
    package var files: [StoredFile]?
    /// The checkpoint's units in the unpruned model, [layers].
    package var originalUnits: [LayerUnits]?
    /// The numbers of units in the unpruned model, [layers].
    package var originalGroups: [Int]?
    package var originalChannels: [Int]?

    package var isSound: Bool {
      folder == nil
        || files?.isEmpty == false && originalUnits != nil && originalGroups != nil && originalChannels != nil
    }

    package static let layout = Layout<ModelPlace>(
      ModelPlace(), Field("selected", \.selected, .everybody), Field("folder", \.folder),
      Field("files", \.files), Field("original_units", \.originalUnits),
      Field("original_groups", \.originalGroups), Field("original_channels", \.originalChannels))
  }

  /// The progress of a train stage through its rounds.
  package struct TrainingProgress: Record, Equatable {
    /// Steps of all rounds so far.
    package var steps = 0
    package var optimizerSteps = 0
    /// The position of the data stream; nil before the first row.
    package var data: JSONValue?
    /// Optimizer moments for the next round.
    package var moments: StoredFile?

    package static let layout = Layout<TrainingProgress>(
      TrainingProgress(), Field("steps", \.steps, .everybody),
      Field("optimizer_steps", \.optimizerSteps, .everybody), Field("data", \.data),
      Field("moments", \.moments))
  }

  /// A checkpoint within a train stage.
  package struct TrainingCheckpoint: Record, Equatable {
    /// Steps of this round so far.
    package var step = 0
    package var file = StoredFile()
    package var optimizerSteps = 0
    package var data = JSONValue.null

    package static let layout = Layout<TrainingCheckpoint>(
      TrainingCheckpoint(), Field("step", \.step, .everybody), Field("file", \.file, .everybody),
      Field("optimizer_steps", \.optimizerSteps, .everybody), Field("data", \.data, .everybody))
  }

  /// SHA-256 of the resolved manifest's file.
  package private(set) var manifest = ""
  package var executionsDone = 0
  package var iterations = 0
  package var evaluations = 0
  package var savedModels: [SavedModelRecord] = []
  package var model = ModelPlace()
  /// By the stage's name.
  package var training: [String: TrainingProgress] = [:]
  /// The checkpoints of the train stage under way, the oldest first. If one is damaged, an older one serves.
  package var checkpoints: [TrainingCheckpoint] = []

  init() {}
  package init(manifest: String, model: ModelPlace) {
    self.manifest = manifest
    self.model = model
  }

  package static let layout = Layout<RunState>(
    RunState(), Field("manifest_sha256", \.manifest, .everybody),
    Field("executions_done", \.executionsDone, .everybody), Field("iterations", \.iterations, .everybody),
    Field("evaluations", \.evaluations, .everybody), Field("saved_models", \.savedModels, .everybody),
    Field("model", \.model, .everybody),
    Field("training", \.sortedTraining, .members(of: TrainingProgress.form), .everybody),
    Field("checkpoints", \.checkpoints, .resumingIfThere))

  private var sortedTraining: [Named<TrainingProgress>] {
    get { training.sorted { $0.key < $1.key }.map { Named($0.key, $0.value) } }
    set { training = Dictionary(newValue.map { ($0.name, $0.value) }) { $1 } }
  }

  /// The names, within the run folder, of all that is still needed in `state/`.
  package var names: Set<String> {
    var names: Set<String> = [RunLayout.state]
    if let folder = model.folder { names.insert(folder) }
    for progress in training.values { if let moments = progress.moments { names.insert(moments.name) } }
    return names.union(checkpoints.map(\.file.name))
  }

  /// The files that the run needs to go on. A damaged checkpoint costs only the steps since the one before.
  package var files: [StoredFile] {
    (model.files ?? []) + training.values.compactMap(\.moments)
  }
}
