import RunRecords
import Transformer

// How the model's own types stand in a run's records.

extension RunState.LayerUnits {
  init(_ units: KeptUnits) {
    self.init(groups: units.units(of: .attention), channels: units.units(of: .mlp))
  }

  var units: KeptUnits { KeptUnits { $0 == .attention ? groups : channels } }
}

extension RunState.ModelPlace {
  /// - Parameter selected: positions in that checkpoint, [layers].
  init(selected: [KeptUnits]) {
    self.init()
    select(selected)
  }

  mutating func select(_ units: [KeptUnits]) { selected = units.map(RunState.LayerUnits.init) }

  /// A checkpoint that a stage wrote, all of which is selected.
  init(folder: String, files: [RunState.StoredFile], origin: ModelOrigin) {
    self.init(
      selected: origin.kept.map { kept in KeptUnits { Array(kept.units(of: $0).indices) } })
    self.folder = folder
    self.files = files
    originalUnits = origin.kept.map(RunState.LayerUnits.init)
    originalGroups = origin.counts.map { $0[.attention] ?? 0 }
    originalChannels = origin.counts.map { $0[.mlp] ?? 0 }
  }

  /// nil of the run's own model.
  var origin: ModelOrigin? {
    guard folder != nil, let originalUnits, let originalGroups, let originalChannels else { return nil }
    return ModelOrigin(
      kept: originalUnits.map(\.units),
      counts: zip(originalGroups, originalChannels).map { [.attention: $0, .mlp: $1] })
  }
}
