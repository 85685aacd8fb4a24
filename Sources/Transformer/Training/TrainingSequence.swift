/// A document, or a part of one, that is trained on: attention does not leave it, and its first token stands at
/// position 0.
public struct TrainingSequence: Equatable, Sendable {
  public var tokens: [Int32]
  /// Which tokens the loss asks for, one flag each. The first is never asked for, since nothing comes before it.
  public var isTarget: [Bool]

  public init(tokens: [Int32], isTarget: [Bool]) {
    self.tokens = tokens
    self.isTarget = isTarget
  }

  /// All tokens but the first are targets.
  public init(tokens: [Int32]) {
    self.init(tokens: tokens, isTarget: tokens.indices.map { $0 > 0 })
  }

  public var targets: Int { isTarget.dropFirst().count(where: \.self) }
}

/// Sums over the sequences of a step, before any mean is taken.
public struct TrainingLoss: Equatable, Sendable {
  /// Σ −ln p(target), in nats.
  public var crossEntropy = 0.0
  /// Σ T² · KL(teacher ‖ student) over targets; 0 without a teacher.
  public var divergence = 0.0
  /// Σ over layers, tokens and elements of (student's residual stream − teacher's)²; 0 unless asked for.
  public var hiddenDifference = 0.0
  public var targets = 0
  public var tokens = 0

  public init() {}

  public static func += (sum: inout TrainingLoss, part: TrainingLoss) {
    sum.crossEntropy += part.crossEntropy
    sum.divergence += part.divergence
    sum.hiddenDifference += part.hiddenDifference
    sum.targets += part.targets
    sum.tokens += part.tokens
  }
}
