/// What a decoder computes beyond its sizes: activation, norms, scales and caps. The defaults are Llama's.
///
/// With the residual stream x, a sublayer f (attention or MLP) and its norms n and n′:
///
///     before:  x + residualMultiplier · f(n(x))
///     after:   x + residualMultiplier · n′(f(x))
///     around:  x + residualMultiplier · n′(f(n(x)))
public struct DecoderDesign: Sendable, Hashable {
  /// What gates pass through in the MLP: down(activation(gate x) ∘ up x).
  public enum Activation: Sendable, Hashable {
    /// x · σ(x)
    case silu
    /// x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))), `gelu_pytorch_tanh` in transformers.
    case geluTanh
  }

  /// How a norm's weight w is stored. Gradients with respect to w are the same.
  public enum NormWeight: Sendable, Hashable {
    /// x / rms(x) ∘ w
    case plain
    /// x / rms(x) ∘ (1 + w), as Gemma has it.
    case onePlus
  }

  /// Where the residual branch of a sublayer is normalised.
  public enum NormPlacement: Sendable, Hashable, CaseIterable {
    case before, after, around

    public var hasBefore: Bool { self != .after }
    public var hasAfter: Bool { self != .before }
  }

  /// The norm of queries and keys before they are rotated.
  public enum QueryKeyNorm: Sendable, Hashable {
    case none
    /// Over the elements of each head, [headDimension], one weight for all query heads and one for all key heads.
    case perHead
    /// Over all heads together, [queryWidth] and [keyValueWidth].
    case wholeWidth
  }

  public var activation = Activation.silu
  public var normWeight = NormWeight.plain
  public var normPlacement = NormPlacement.before
  public var queryKeyNorm = QueryKeyNorm.none
  /// What scores q·k are multiplied by; nil for 1/√headDimension.
  public var attentionScale: Double?
  /// Scores s become cap · tanh(s / cap) before the softmax; nil leaves them.
  public var attentionSoftCap: Double?
  /// The same of the logits.
  public var finalSoftCap: Double?
  /// What embeddings are multiplied by. A tied head does not see it.
  public var embeddingScale = 1.0
  /// What a sublayer's branch is multiplied by before it joins the residual stream.
  public var residualMultiplier = 1.0
  /// What logits are multiplied by, before the cap.
  public var logitScale = 1.0

  /// Files have q, k and v as one tensor, and gate and up as another, as Phi-3's.
  public var fusesProjections = false

  public init(queryKeyNorm: QueryKeyNorm = .none) { self.queryKeyNorm = queryKeyNorm }
}
