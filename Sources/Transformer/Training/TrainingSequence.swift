/// A document, or a part of one, to train on. Attention stays inside, and the first token has position 0.
public struct TrainingSequence: Equatable, Sendable {
  public var tokens: [Int32]
  /// [tokens]: whether the loss asks for the token. The first is never a target, since nothing comes before it.
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

/// Sums over the sequences of a step.
public struct TrainingLoss: Equatable, Sendable {
  /// Σ −ln p(target), in nats.
  public var crossEntropy = 0.0
  /// Σ over targets of T² · KL(teacher ‖ student); 0 without a teacher.
  public var divergence = 0.0
  /// Σ over layers, tokens and elements of (student's residual stream − teacher's)²; 0 without a hidden term.
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
