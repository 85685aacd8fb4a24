import Tensors
import TrainingData

// Checks of a run's inputs before hours of work.

extension Manifest {
  /// A model with a sliced residual stream can only be run and measured.
  /// - Throws: `LoadedModelError.sliced`.
  func checkCanChange(_ model: LoadedModel) throws {
    guard model.decoder.isSliced, let change = executions.first(where: { !$0.work.leavesModel }) else {
      return
    }
    throw LoadedModelError.sliced(model: model.path, stage: change.label)
  }

  /// Every plugin that a stage uses, in order.
  var pluginUses: [PluginUse] { executions.flatMap(\.work.plugins) }
}

extension TrainStage {
  /// Opens all training data, and reads the first row unless a source is text.
  func checkData(_ model: LoadedModel, label: String) throws {
    for source in try sources(of: model, label: label) {
      try source.check(vocabularySize: model.decoder.vocabulary)
    }
    let rows = try rows(of: model, label: label, seed: 0, resuming: nil)
    // The first document shows which fields there are. A text is one long document.
    if !data.contains(where: \.isText) { _ = try rows.next() }
  }

  /// - Throws: `TrainingError.batchTooLarge`.
  func requireAddressable(label: String) throws {
    guard Saturating.product(batchSize, length) <= 1 << 31 else {
      throw TrainingError.batchTooLarge(stage: label, rows: batchSize, length: length)
    }
  }
}
