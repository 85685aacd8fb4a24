import JSON
import Transformer

/// The settings of a train stage's optimizer.
public struct OptimizerSettings: Sendable, Equatable {
  public package(set) var learningRate = 1e-4
  public package(set) var adamW = AdamWOptions(weightDecay: 0)
  /// The largest norm of all gradients together; 0 for no clipping.
  public package(set) var clippedNorm = 1.0
  /// Whether a round takes up the moments of an earlier one.
  public package(set) var carriesMoments = true

  package init() {}

  /// Nil for no clipping.
  public var maxGradientNorm: Double? { clippedNorm == 0 ? nil : clippedNorm }

  static var fields: Fields<Self> {
    Fields(
      Self(),
      [
        .number("learning_rate", \.learningRate, 0...1e3, "The largest rate; the schedule multiplies it."),
        .number("beta1", \.adamW.beta1, 0...0.999_999, "Decay of the gradients' mean."),
        .number("beta2", \.adamW.beta2, 0...0.999_999_9, "Decay of the squared gradients' mean."),
        .number("epsilon", \.adamW.epsilon, 1e-30...1, "Added to the denominator."),
        .number(
          "weight_decay", \.adamW.weightDecay, 0...1e3,
          "Decoupled decay of matrices; norms and biases don't decay."),
        .number(
          "max_grad_norm", \.clippedNorm, 0...1e9,
          "The largest norm of all gradients together; larger ones are scaled down to it. 0: no limit."),
        .flag(
          "carry_moments", \.carriesMoments,
          """
          In a repeat: whether a round takes up the moments of the round before, without those of removed units. \
          Adapters always start afresh.
          """),
      ])
  }
}
