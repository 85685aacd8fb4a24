import Foundation
import PluginRuntime
import Report

// What is told of a run as a whole: at its beginning, in run.json, and at its end.

extension RunSession {
  func runRecord() throws -> RunRecord {
    var plugins: [RunRecord.Plugin] = []
    for use in manifest.pluginUses where !plugins.contains(where: { $0.id == use.id }) {
      plugins.append(try RunRecord.Plugin(context.registry.find(use.id)))
    }
    return RunRecord(
      toolVersion: Tool.version, machine: .current, plugins: plugins, modelPath: model.path,
      modelFiles: try model.recordedFiles(),
      data: try manifest.evaluatedData.map { path in
        RunRecord.DataFile(path: path, bytes: try FileHash.size(path), sha256: try FileHash.sha256(path))
      }, seed: manifest.seed, threads: context.workers.count, started: Date(),
      state: .running)
  }

  func summary(since start: ContinuousClock.Instant) -> RunSummary {
    RunSummary(
      folder: folder.path,
      original: RunSummary.Size(
        parameters: model.originalParameters, macs: model.originalMultiplyAccumulates,
        weights: model.sourceWeights),
      final: RunSummary.Size(
        parameters: model.decoder.parameters, macs: model.decoder.multiplyAccumulates,
        weights: keeper.state.savedModels.last { $0.parameters == model.decoder.parameters }?.weights),
      evaluations: evaluations, savedModels: savedModels,
      seconds: (ContinuousClock.now - start) / .seconds(1), peakMemoryBytes: PeakMemory.bytes)
  }

  private var savedModels: [RunSummary.SavedModel] {
    keeper.state.savedModels.map {
      RunSummary.SavedModel(
        path: folder.path + "/" + $0.directory, parameters: $0.parameters, bytes: $0.bytes,
        weights: $0.weights, leftBehind: $0.leftBehind)
    }
  }

  /// A page about the run is no reason for it to fail.
  func writeReport() {
    do {
      try RunReport.write(of: folder.path)
    } catch {
      context.reporter.note("there is no \(RunReport.fileName): \(error)")
    }
  }
}
