import Foundation
import PluginRuntime
import RunRecords
import Tensors
import TrainingData

// What a run takes in: data, plugins, the model's files.

extension Manifest {
  /// A model whose residual stream was sliced can be run and measured, nothing else.
  /// - Throws: `LoadedModelError.sliced`.
  func checkCanChange(_ model: LoadedModel) throws {
    guard model.decoder.isSliced, let change = executions.first(where: { !$0.work.leavesModel }) else {
      return
    }
    throw LoadedModelError.sliced(model: model.path, stage: change.label)
  }

  /// Every plugin that some stage uses, in order.
  var pluginUses: [PluginUse] { executions.flatMap(\.work.plugins) }
}

extension Manifest {
  /// The files that evaluators read, each once, in order.
  var evaluatedData: [String] {
    var paths: [String] = []
    for execution in executions {
      guard let stage = execution.work as? EvaluateStage else { continue }
      for use in stage.evaluators {
        for source in use.data.sorted(by: { $0.key < $1.key }) where !paths.contains(source.value.path) {
          paths.append(source.value.path)
        }
      }
    }
    return paths
  }
}

extension TrainStage {
  /// Opens all that will be trained on, so that what is wrong with it is told before hours of other work.
  func checkData(_ model: LoadedModel, label: String) throws {
    for source in try sources(of: model, label: label) {
      try source.check(vocabularySize: model.decoder.vocabulary)
    }
    let rows = try rows(of: model, label: label, seed: 0, resuming: nil)
    // The first document shows what fields there are. A text is one document, and long.
    if !data.contains(where: \.isText) { _ = try rows.next() }
  }

  /// - Throws: `TrainingError.batchTooLarge`.
  func requireAddressable(label: String) throws {
    guard Saturating.product(batchSize, length) <= 1 << 31 else {
      throw TrainingError.batchTooLarge(stage: label, rows: batchSize, length: length)
    }
  }
}

extension LoadedModel {
  /// The model's files with their hashes.
  func recordedFiles() throws -> [RunRecord.File] {
    try files.map { file in
      try RunRecord.File {
        $0.name = (file as NSString).lastPathComponent
        $0.bytes = try FileHash.size(file)
        $0.sha256 = try FileHash.sha256(file)
      }
    }
  }
}
