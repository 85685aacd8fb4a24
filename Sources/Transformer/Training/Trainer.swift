import Checkpoints
import Tensors

/// The parameters that training changes.
public enum TrainingScope: Equatable, Sendable {
  case full
  case lowRank(LowRankOptions)
  case normsAndBiases
}

/// The results of one optimizer step.
public struct TrainingStep: Sendable {
  public let loss: TrainingLoss
  /// The norm of all gradients together, before clipping.
  public let gradientNorm: Double
}

/// A model in training: the decoder, the part of it that changes, and the optimizer.
public final class Trainer {
  let decoder: Decoder
  let trainee: any Trainee
  let optimizer: AdamW
  private let pass: TrainingPass
  private let workers: Workers
  /// Longer gradients are scaled down to this norm; nil leaves them.
  private let maxGradientNorm: Double?

  /// - Parameters:
  ///   - decoder: the model; do not prune it while this exists.
  ///   - teacher: a dense model whose distribution the loss asks for, with or without the labels.
  /// - Throws: `CheckpointError`, `DecoderError`.
  public init(
    _ decoder: Decoder, _ scope: TrainingScope, optimizer options: AdamWOptions, maxGradientNorm: Double?,
    teacher: (decoder: Decoder, options: DistillationOptions)? = nil, room: TrainingRoom, workers: Workers
  ) throws {
    try decoder.requireUnsliced()
    try teacher?.decoder.requireUnsliced()
    self.decoder = decoder
    self.workers = workers
    self.maxGradientNorm = maxGradientNorm
    trainee =
      switch scope {
      case .full: try FullTrainee(decoder, workers: workers)
      case .lowRank(let options): try LowRankTrainee(decoder, options, workers: workers)
      case .normsAndBiases: try VectorTrainee(decoder, workers: workers)
      }
    guard !trainee.tensors.isEmpty else { throw DecoderError.nothingToTrain }
    optimizer = AdamW(trainee.tensors, options)
    let teacherPass = try teacher.map {
      try TeacherPass($0.decoder, student: decoder, $0.options, room: room, workers: workers)
    }
    pass = try TrainingPass(decoder, trainee, teacher: teacherPass, room: room, workers: workers)
  }

  /// Parameters that change.
  public var trainableParameters: Int { trainee.tensors.reduce(0) { $0 + $1.count } }

  /// One step of the optimizer on the mean loss over all targets of the micro-batches.
  ///
  /// - Throws: `DecoderError.noTargets` if there is nothing to predict; `DecoderError.notFinite`, with unchanged weights, if the
  ///   loss or the gradient is not finite; and what `observer` throws.
  public func step(
    _ microBatches: [[TrainingSequence]], learningRate: Double, observer: PassObserver = { _ in }
  ) throws -> TrainingStep {
    let step = try gradients(microBatches, observer: observer)
    guard step.gradientNorm.isFinite, step.loss.crossEntropy.isFinite else {
      throw DecoderError.notFinite(step: optimizer.steps + 1)
    }
    // As in torch.nn.utils.clip_grad_norm_, with its 1e-6.
    let scale = maxGradientNorm.map { min(1, $0 / (step.gradientNorm + 1e-6)) } ?? 1
    optimizer.step(trainee.tensors, learningRate: learningRate, gradientScale: scale, workers)
    return step
  }

  /// Makes the gradients of such a step in the trainee's tensors.
  package func gradients(
    _ microBatches: [[TrainingSequence]], observer: PassObserver = { _ in }
  ) throws -> TrainingStep {
    let counts = StepCounts(
      targets: microBatches.joined().reduce(0) { $0 + $1.targets },
      tokens: microBatches.joined().reduce(0) { $0 + $1.tokens.count })
    guard counts.targets > 0 else { throw DecoderError.noTargets }
    trainee.zeroGradients(workers)
    var loss = TrainingLoss()
    for batch in microBatches { loss += try pass.run(batch, counts, observer: observer) }
    return TrainingStep(loss: loss, gradientNorm: AdamW.gradientNorm(trainee.tensors, workers))
  }

  /// The last step's gradients, under Hugging Face's names: for tests.
  package var namedGradients: [(name: String, values: [Float])] {
    trainee.tensors.map { ($0.name, Array(UnsafeBufferPointer(start: $0.gradient, count: $0.count))) }
  }

  /// The values that training changes, under Hugging Face's names: for tests.
  package var namedValues: [(name: String, values: [Float])] {
    trainee.tensors.map { ($0.name, Array(UnsafeBufferPointer(start: $0.value, count: $0.count))) }
  }

  /// Calls `body` with every parameter of the model as it is now, as `Decoder.forEachParameter` does. Adapters are merged.
  public func forEachParameter(
    progress: (Int, Int) throws -> Void = { _, _ in },
    body: (_ name: String, _ values: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let outside = trainee.tensors.filter { $0.layer == nil }
    try decoder.forEachParameter(
      workers: workers, progress: progress,
      layer: { try trainee.weights($0, workspace: $1, workers: workers) },
      end: { name in
        outside.first { $0.name == name }.map { UnsafeBufferPointer(start: $0.value, count: $0.count) }
      }, body: body)
  }
}
