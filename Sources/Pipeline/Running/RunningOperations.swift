import Checkpoints
import Foundation
import PluginRuntime
import Transformer

extension Operations {
  /// Carries out a pipeline in a folder of its own.
  public static func run(
    _ request: RunRequest, progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> RunSummary {
    let context = try StageContext(
      modelPath: request.modelPath, registry: request.registry, seed: request.manifest.seed,
      threads: request.threads, reporter: progress, cancellation: cancellation)
    // A comparison has checked all its runs before the first.
    if request.shared == nil {
      let check = WorkCheck(manifest: request.manifest, context: context, folder: request.outputPath)
      progress.note("this takes \(try check.run().summary)")
    }
    let folder = try RunFolder.claim(at: request.outputPath, command: "run", isRun: request.shared != nil)
    if let doubt = folder.doubt { progress.note(doubt) }
    return try telling(how: folder, progress) {
      try RunSession(
        request.manifest, in: folder, context, sharing: request.shared, shardBytes: request.shardBytes
      ).run()
    }
  }

  /// What `run` looks at before it begins, and about what it would take.
  /// - Parameter outputPath: the run's folder, if it is known.
  /// - Throws: `WorkRefused`, `CheckpointError`.
  public static func check(
    _ manifest: Manifest, registry: PluginRegistry, modelPath: String, outputPath: String?, threads: Int,
    progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> WorkEstimate {
    let context = try StageContext(
      modelPath: modelPath, registry: registry, seed: manifest.seed, threads: threads, reporter: progress,
      cancellation: cancellation)
    return try WorkCheck(manifest: manifest, context: context, folder: outputPath).run()
  }

  /// Says how to go on if the work ends before its time, where that can help. Of a run that had not come far enough for that
  /// nothing is left.
  static func telling<Result>(
    how folder: RunFolder, _ progress: any ProgressReporter, _ work: () throws -> Result
  ) throws -> Result {
    do {
      return try work()
    } catch {
      progress.end()
      if !folder.canBeResumed {
        folder.clearIfHalfMade()
      } else if !Recurrence.isCertain(after: error) {
        progress.note("what is done is kept; to go on: \(Tool.name) resume \(folder.path)")
      }
      throw error
    }
  }

  /// What a model's files say about it; no weight is read.
  public static func inspect(modelPath: String) throws -> ModelReport {
    let checkpoint = try LoadedModel.checkpoint(at: modelPath)
    let decoder = try Decoder(checkpoint)
    var bytes: [String: Int] = [:]
    for name in checkpoint.tensorNames {
      let tensor = try checkpoint.tensor(named: name)
      bytes[tensor.type.rawValue, default: 0] += tensor.byteCount
    }
    let format =
      switch checkpoint.format {
      case .huggingFace: "Hugging Face folder"
      case .gguf: "GGUF"
      }
    return ModelReport(
      path: modelPath, format: format, architecture: checkpoint.configuration.architecture.rawValue,
      hiddenSize: decoder.hidden, vocabularySize: decoder.vocabulary,
      tiesEmbeddings: checkpoint.configuration.tiedEmbeddings,
      storage: bytes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
        (type: $0.key, bytes: $0.value)
      },
      parameters: decoder.parameters, macs: decoder.multiplyAccumulates,
      layers: decoder.allSizes.map {
        ModelReport.Layer(
          queryHeads: $0.queryHeads, keyValueHeads: $0.keyValueHeads, headDimension: $0.headDimension,
          mlpChannels: $0.intermediate, parameters: $0.parameters,
          streamWidths: $0.sliced.map { [$0.input, $0.middle] } ?? [])
      }, headWidth: checkpoint.configuration.residualWidths?.head)
  }

  /// Measures a model with each of the evaluators.
  public static func evaluate(
    _ request: EvaluateRequest, progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> [EvaluationRecord] {
    let context = try StageContext(
      modelPath: request.modelPath, registry: request.registry, seed: request.seed,
      threads: request.threads, reporter: progress, cancellation: cancellation
    ).labelled("evaluate")
    return try request.stage.evaluators.map { try Evaluation($0, in: context).run() }
  }
}
