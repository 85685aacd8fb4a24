import RunRecords
import Transformer

// How the model's own types stand in a run's records.

extension RunState.LayerUnits {
  init(_ units: KeptUnits) { self.init(groups: units.groups, channels: units.channels) }

  var units: KeptUnits { KeptUnits(groups: groups, channels: channels) }
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
      selected: origin.kept.map {
        KeptUnits(groups: Array($0.groups.indices), channels: Array($0.channels.indices))
      })
    self.folder = folder
    self.files = files
    originalUnits = origin.kept.map(RunState.LayerUnits.init)
    originalGroups = origin.groupCounts
    originalChannels = origin.channelCounts
  }

  /// nil of the run's own model.
  var origin: ModelOrigin? {
    guard folder != nil, let originalUnits, let originalGroups, let originalChannels else { return nil }
    return ModelOrigin(
      kept: originalUnits.map(\.units), groupCounts: originalGroups, channelCounts: originalChannels)
  }
}
