import RunRecords
import Transformer

// Conversions between the model's types and a run's records.

extension RunState.LayerUnits {
  init<In>(_ units: KeptUnits<In>) {
    self.init(
      groups: units.units(of: .attention).map(\.value), channels: units.units(of: .mlp).map(\.value))
  }

  func units<In>() -> KeptUnits<In> {
    KeptUnits { ($0 == .attention ? groups : channels).map { UnitIndex($0) } }
  }
}

extension RunState.ModelPlace {
  /// - Parameter selected: [layers]
  init(selected: [KeptUnits<Numbering.Checkpoint>]) {
    self = .blank
    select(selected)
  }

  mutating func select(_ units: [KeptUnits<Numbering.Checkpoint>]) {
    selected = units.map { RunState.LayerUnits($0) }
  }

  /// A checkpoint that a stage wrote. All its units are selected.
  init(folder: String, files: [RunState.StoredFile], origin: ModelOrigin) {
    self.init(
      selected: origin.kept.map { kept in KeptUnits { kept.units(of: $0).indices.map { CheckpointUnit($0) } }
      })
    self.folder = folder
    self.files = files
    originalUnits = origin.kept.map { RunState.LayerUnits($0) }
    originalGroups = origin.counts.map { $0[.attention] ?? 0 }
    originalChannels = origin.counts.map { $0[.mlp] ?? 0 }
  }

  /// nil for the run's original model.
  var origin: ModelOrigin? {
    guard folder != nil, let originalUnits, let originalGroups, let originalChannels else { return nil }
    return ModelOrigin(
      kept: originalUnits.map { $0.units() },
      counts: zip(originalGroups, originalChannels).map { [.attention: $0, .mlp: $1] })
  }
}
