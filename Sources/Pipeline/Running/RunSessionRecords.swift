import Foundation
import PluginRuntime
import Report
import RunRecords

// What a run records about itself as a whole: its inputs in run.json, its summary and its page.

extension RunSession {
  func runRecord(started: Date) throws -> RunRecord {
    var plugins: [RunRecord.Plugin] = []
    for use in manifest.pluginUses where !plugins.contains(where: { $0.id == use.id }) {
      plugins.append(try RunRecord.Plugin(context.registry.find(use.id)))
    }
    return try RunRecord { record in
      record.tool = RunRecord.Tool {
        $0.name = Tool.name
        $0.version = Tool.version
      }
      record.begin(at: started)
      record.seed = manifest.seed
      record.threads = context.workers.count
      record.model = try RunRecord.Model {
        $0.path = model.path
        $0.files = try model.recordedFiles()
      }
      record.plugins = plugins
      record.data = try evaluatedData.map { path in
        var file = try RunRecord.File(hashing: path)
        file.path = path
        return file
      }
      record.machine = .current
    }
  }

  /// The files that evaluators read, each once, in order.
  private var evaluatedData: [String] {
    let stages = manifest.executions.compactMap { $0.work as? EvaluateStage }
    let sources = stages.flatMap(\.evaluators).flatMap {
      $0.data.sorted { $0.key < $1.key }.map(\.value.path)
    }
    return sources.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
  }

  func summary(since start: ContinuousClock.Instant) -> RunSummary {
    RunSummary(
      folder: folder.path,
      original: RunSummary.Size(
        parameters: model.originalParameters, macs: model.originalMultiplyAccumulates,
        weights: model.sourceWeights),
      final: RunSummary.Size(
        parameters: model.decoder.parameters, macs: model.decoder.multiplyAccumulates,
        weights: keeper.state.savedModels.last { $0.parameters == model.decoder.parameters }?.weights
      ),
      evaluations: evaluations, savedModels: keeper.state.savedModels,
      seconds: (ContinuousClock.now - start) / .seconds(1), peakMemoryBytes: ProcessMemory.peak)
  }

  /// Writes the page about the run. A failure does not end the run.
  func writeReport() {
    do {
      try RunReport.write(of: folder.path)
    } catch {
      context.reporter.note("there is no \(RunReport.fileName): \(error)")
    }
  }
}

extension LoadedModel {
  /// The model's files with their hashes.
  func recordedFiles() throws -> [RunRecord.File] {
    try files.map { path in
      var file = try RunRecord.File(hashing: path)
      file.name = (path as NSString).lastPathComponent
      return file
    }
  }
}

extension RunRecord.File {
  fileprivate init(hashing file: String) throws {
    self = .blank
    bytes = try FileHash.size(file)
    sha256 = try FileHash.sha256(file)
  }
}
