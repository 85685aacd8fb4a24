import Checkpoints
import Foundation
import JSON
import Pipeline
import PluginRuntime
import Tensors
import Transformer

/// The work that is timed: what a pruning iteration and an evaluation spend their time on.
final class Passes {
  private let decoder: Decoder
  private let workers: Workers
  private let criterion: LoadedPlugin
  /// The model under training, and for how many tokens a step it has room.
  private var training: (trainer: Trainer, tokens: Int)?

  /// - Throws: `CheckpointError`, `DecoderError`, and `PluginError` if the Taylor criterion is nowhere to be found.
  init(modelPath: String, threads: Int?) throws {
    decoder = try Decoder(Checkpoint.open(modelPath))
    workers = Workers(count: threads)
    let registry = PluginRegistry(searching: PluginRegistry.searchPath())
    criterion = try LoadedPlugin(loading: registry.find("adapt-pruner.taylor"))
  }

  /// Carries a command out and says what it took: `seconds`, and `peak_rss_bytes` of this command alone where the
  /// kernel allows resetting it.
  func answer(to command: Command) throws -> JSONObject {
    resetPeakMemory()
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
    answer["peak_rss_bytes"] = .integer(PeakMemory.bytes)
    return answer
  }

  /// All that an iteration of Adapt-Pruner needs to know, in one pass: layer similarities, gradients, and the
  /// importance of every unit as the shipped plugin sees it, across the ABI.
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

  /// The log-likelihood of every token after the first of its sequence.
  private func forward(_ ids: [[Int32]]) throws -> JSONObject {
    let logLikelihoods = try decoder.logLikelihoods(ids.map { ($0, 1) }, workers: workers).joined()
    return [
      "tokens": .integer(ids.reduce(0) { $0 + $1.count }),
      "loss": .number(-logLikelihoods.reduce(0, +) / Double(logLikelihoods.count)),
    ]
  }

  /// Bytes of activations that a training step keeps; the rest is recomputed.
  private static let keptActivations = 3 << 29

  /// A step of full training as a user of PyTorch would write it: AdamW, gradients clipped to a norm of 1.
  private func train(_ ids: [[Int32]], learningRate: Double) throws -> JSONObject {
    let tokens = ids.reduce(0) { $0 + $1.count }
    // A larger step than those before, after a warm-up say, begins with the model's own weights again.
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

  /// Lets the kernel forget the highest resident size so far (proc(5), clear_refs).
  private func resetPeakMemory() {
    guard let file = FileHandle(forWritingAtPath: "/proc/self/clear_refs") else { return }
    try? file.write(contentsOf: Data("5".utf8))
    try? file.close()
  }
}
