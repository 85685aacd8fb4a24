/// The activation, norms, scales and caps of a decoder. The defaults are Llama's.
///
/// With the residual stream x, a sublayer f (attention or MLP) and its norms n and n′:
///
///     before:  x + residualMultiplier · f(n(x))
///     after:   x + residualMultiplier · n′(f(x))
///     around:  x + residualMultiplier · n′(f(n(x)))
public struct DecoderDesign: Sendable, Hashable {
  /// The activation of the MLP: down(activation(gate x) ∘ up x).
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

  /// The place of the norms in the residual branch of a sublayer.
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
  /// The factor of scores q·k; nil for 1/√headDimension.
  public var attentionScale: Double?
  /// Scores s become cap · tanh(s / cap) before the softmax; nil leaves them.
  public var attentionSoftCap: Double?
  /// The same for logits.
  public var finalSoftCap: Double?
  /// The factor of embeddings. It does not apply to a tied head.
  public var embeddingScale = 1.0
  /// The factor of a sublayer's branch before it joins the residual stream.
  public var residualMultiplier = 1.0
  /// The factor of logits, before the cap.
  public var logitScale = 1.0

  /// Whether files have q, k and v as one tensor, and gate and up as another, as Phi-3's do.
  public var fusesProjections = false

  public init(queryKeyNorm: QueryKeyNorm = .none) { self.queryKeyNorm = queryKeyNorm }
}
