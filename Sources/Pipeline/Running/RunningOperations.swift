import ChatTemplates
import Checkpoints
import PluginRuntime
import RunRecords
import Tokenizers
import TrainingData
import Transformer

// The operations that run, check, inspect and evaluate a model.

extension Operations {
  /// Runs a pipeline in a folder of its own.
  /// - Parameters:
  ///   - modelPath: a Hugging Face folder or a GGUF file.
  ///   - outputPath: the run's folder, which is missing or empty.
  ///   - shardBytes: the most bytes of a weights file in `state/`.
  ///   - shared: the work that the runs of a comparison have in common.
  package static func run(
    _ manifest: Manifest, registry: PluginRegistry, modelPath: String, outputPath: String, threads: Int,
    shardBytes: Int = ModelWriter.standardShardBytes, sharing shared: SharedWork? = nil,
    progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> RunSummary {
    let context = try StageContext(
      modelPath: modelPath, registry: registry, seed: manifest.seed, threads: threads, reporter: progress,
      cancellation: cancellation)
    // A comparison checks all its runs before the first.
    if shared == nil {
      let check = WorkCheck(manifest: manifest, context: context, folder: outputPath)
      progress.note("this takes \(try check.run().summary)")
    }
    let folder = try RunFolder.claim(at: outputPath, command: "run", isRun: shared != nil)
    if let doubt = folder.doubt { progress.note(doubt) }
    return try explainingResume(of: folder, progress) {
      try RunSession(manifest, in: folder, context, sharing: shared, shardBytes: shardBytes).run()
    }
  }

  /// Makes the check that `run` makes before it begins.
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

  /// Does a run's work. If it fails, says how to resume the run, where that can help. Clears a folder in which nothing
  /// was recorded.
  static func explainingResume<Result>(
    of folder: RunFolder, _ progress: any ProgressReporter, _ work: () throws -> Result
  ) throws -> Result {
    do {
      return try work()
    } catch {
      progress.end()
      if !folder.canBeResumed {
        folder.clearIfHalfMade()
      } else if !wouldRecur(error) {
        progress.note("what is done is kept; to go on: \(Tool.name) resume \(folder.path)")
      }
      throw error
    }
  }

  /// Whether a resumed run would end with the same error. Its pipeline, model and data stay as they are. But a full disk
  /// can be cleared, and a plugin can be repaired.
  private static func wouldRecur(_ error: any Error) -> Bool {
    switch error {
    case is PruningError, is RehearsalError, is EvaluationError, is LoadedModelError, is DecoderError,
      is TrainingError, is TokenizerError, is ChatTemplateError, is WorkRefused:
      true
    case DataError.unreadable, TrainingDataError.unreadable: false
    case is DataError, is TrainingDataError: true
    case CheckpointError.cannotRead, CheckpointError.cannotWrite: false
    case is CheckpointError: true
    case let error as PluginError: error.isAboutWhatIsAsked
    default: false
    }
  }

  /// Describes a model from its files. Reads no weights.
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
      path: modelPath, format: format, configuration: checkpoint.configuration,
      storage: bytes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { ($0.key, $0.value) },
      parameters: decoder.parameters, macs: decoder.multiplyAccumulates)
  }

  /// Measures a model with each evaluator of a stage.
  public static func evaluate(
    _ stage: EvaluateStage, registry: PluginRegistry, modelPath: String, seed: Int, threads: Int,
    progress: any ProgressReporter, cancellation: Cancellation
  ) throws -> [EvaluationRecord] {
    let context = try StageContext(
      modelPath: modelPath, registry: registry, seed: seed, threads: threads, reporter: progress,
      cancellation: cancellation
    ).labelled("evaluate")
    return try stage.evaluators.map { try Evaluation($0, in: context).run() }
  }
}
