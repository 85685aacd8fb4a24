import JSON
import Transformer

/// How a train stage takes its steps.
public struct OptimizerSettings: Sendable, Equatable {
  public internal(set) var learningRate: Double
  public internal(set) var adamW: AdamWOptions
  /// nil for no clipping.
  public internal(set) var maxGradientNorm: Double?
  /// Whether the moments of an earlier round are taken up.
  public internal(set) var carriesMoments: Bool

  public init(
    learningRate: Double = 1e-4, adamW: AdamWOptions = AdamWOptions(weightDecay: 0),
    maxGradientNorm: Double? = 1, carriesMoments: Bool = true
  ) {
    self.learningRate = learningRate
    self.adamW = adamW
    self.maxGradientNorm = maxGradientNorm
    self.carriesMoments = carriesMoments
  }

  /// 0 for no clipping.
  private var clippedNorm: Double {
    get { maxGradientNorm ?? 0 }
    set { maxGradientNorm = newValue == 0 ? nil : newValue }
  }

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
          "Gradients that are together longer are scaled down to it; 0: none are."),
        .flag(
          "carry_moments", \.carriesMoments,
          """
          In a repeat, whether the moments of the round before are taken up, without those of units that have left. \
          Adapters always start afresh.
          """),
      ])
  }
}
