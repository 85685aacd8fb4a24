import Checkpoints
import JSON
import Pipeline
import PluginRuntime
import Tensors
import Transformer

/// The passes that are timed: those of a pruning iteration, an evaluation and a training step.
final class Passes {
  private let decoder: Decoder
  private let workers: Workers
  private let criterion: LoadedPlugin
  /// The trainer, and the most tokens that one of its steps can take.
  private var training: (trainer: Trainer, tokens: Int)?

  /// - Throws: `CheckpointError`, `DecoderError`. `PluginError` if the Taylor criterion is not found.
  init(modelPath: String, threads: Int?) throws {
    decoder = try Decoder(Checkpoint.open(modelPath))
    workers = Workers(count: threads)
    let registry = PluginRegistry(searching: PluginRegistry.searchPath())
    criterion = try LoadedPlugin(loading: registry.find("adapt-pruner.taylor"))
  }

  /// Executes a command. The answer has its `seconds`, and its own `peak_rss_bytes` if the kernel can reset the peak.
  func answer(to command: Command) throws -> JSONObject {
    ProcessMemory.resetPeak()
    let start = ContinuousClock.now
    var answer =
      switch command {
      case .calibrate(let ids, let batchSize): try calibrate(ids, batchSize: batchSize)
      case .forward(let ids): try forward(ids)
      case .train(let ids, let rate): try train(ids, learningRate: rate)
      case .sgemm: SgemmRate(decoder.sizes(0), workers).answer
      case .quit: JSONObject()
      }
    answer["seconds"] = .number((ContinuousClock.now - start) / .seconds(1))
    answer["peak_rss_bytes"] = .integer(ProcessMemory.peak)
    return answer
  }

  /// Makes the pass of an Adapt-Pruner iteration: layer similarities, gradients, and the importance of every unit, which
  /// the shipped plugin computes across the ABI.
  private func calibrate(_ ids: [[Int32]], batchSize: Int) throws -> JSONObject {
    let taylor = try CriterionInstance(of: criterion, options: ["variant": "param_first"])
    let model = ModelSummary(
      architecture: decoder.configuration.architecture.rawValue, layerCount: decoder.layerCount,
      hiddenSize: decoder.hidden, vocabularySize: decoder.vocabulary, parameters: decoder.parameters,
      originalParameters: decoder.parameters)
    var importance = 0.0
    let result = try decoder.calibrate(
      CalibrationRequest(sequences: ids, batchSize: batchSize, gradients: .sum), workers: workers
    ) { layer in
      for family in Family.widths {
        let units = layer.request(family, original: decoder.kept[layer.layer].units(of: family))
        importance += try taylor.score(model: model, units: units).reduce(0) { $0 + Double($1) }
      }
    }
    return [
      "tokens": .integer(ids.reduce(0) { $0 + $1.count }),
      "loss": .number(result.losses.reduce(0, +) / Double(result.losses.count)),
      "importance_sum": .number(importance),
      "similarities": .array(result.distances.cosine.map { .number($0) }),
    ]
  }

  /// Computes the log-likelihood of every token but the first of each sequence.
  private func forward(_ ids: [[Int32]]) throws -> JSONObject {
    let logLikelihoods = try decoder.logLikelihoods(ids.map { ($0, 1) }, workers: workers).joined()
    return [
      "tokens": .integer(ids.reduce(0) { $0 + $1.count }),
      "loss": .number(-logLikelihoods.reduce(0, +) / Double(logLikelihoods.count)),
    ]
  }

  /// The bytes of activations that a training step keeps. It recomputes the rest.
  private static let keptActivations = 3 << 29

  /// Makes a step of full training like a user of PyTorch: AdamW, and gradients clipped to a norm of 1.
  private func train(_ ids: [[Int32]], learningRate: Double) throws -> JSONObject {
    let tokens = ids.reduce(0) { $0 + $1.count }
    // A larger step than before, for instance after a warm-up, starts again from the model's own weights.
    if let room = training?.tokens, room < tokens { training = nil }
    let trainer =
      try training?.trainer
      ?? Trainer(
        decoder, .full, optimizer: AdamWOptions(beta1: 0.9, beta2: 0.999, weightDecay: 0.01),
        maxGradientNorm: 1,
        room: TrainingRoom(
          tokens: tokens, longest: ids.map(\.count).max() ?? 0, activationLimit: Passes.keptActivations),
        workers: workers)
    training = (trainer, max(tokens, training?.tokens ?? 0))
    let step = try trainer.step([ids.map { TrainingSequence(tokens: $0) }], learningRate: learningRate)
    return [
      "tokens": .integer(tokens), "loss": .number(step.loss.crossEntropy / Double(step.loss.targets)),
      "grad_norm": .number(step.gradientNorm),
    ]
  }
}
