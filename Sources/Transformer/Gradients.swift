import Checkpoints
import Tensors

/// Memory for the gradients of a layer's activations, for one block of tokens.
final class GradientSpace {
  struct Sublayer {
    /// [tokens, products]
    let products: Buffer
    /// [tokens, columns of the output projection]
    let inputs: Buffer
  }

  let attention: Sublayer
  let mlp: Sublayer
  /// [tokens, hidden]
  let normed: Buffer
  /// Partial sums of a norm's gradient: one row for each part that rows are cut into, [parts, hidden].
  let normParts: Buffer
  /// One matrix as large as the layer's largest: a single sequence's gradient.
  let single: Buffer

  static let rowsPerPart = 128

  init(roomFor layers: [LayerSizes], tokens: Int, singleSequences: Bool) {
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    mlp = Sublayer(
      products: Buffer(tokens * most { 2 * $0.intermediate }), inputs: Buffer(tokens * most(\.intermediate)))
    attention = Sublayer(
      products: Buffer(tokens * most(\.queryKeyValueWidth)), inputs: Buffer(tokens * most(\.queryWidth)))
    normed = Buffer(tokens * most(\.hidden))
    let parts = (tokens + GradientSpace.rowsPerPart - 1) / GradientSpace.rowsPerPart
    normParts = Buffer(parts * most { max($0.hidden, $0.headDimension) })
    single = Buffer(
      singleSequences
        ? most { $0.hidden * max($0.queryKeyValueWidth, 2 * $0.intermediate, $0.queryWidth) } : 1)
  }

  subscript(sublayer: ParameterSpec.Sublayer) -> Sublayer { sublayer == .attention ? attention : mlp }
}

/// What becomes of a layer's weight gradients.
struct GradientTarget {
  /// Σ over sequences of the sequence's part of the gradient; added to. Norms and biases always, projections as
  /// `matrices` says.
  let sum: LayerParameters
  let matrices: Matrices
  /// Who gathers the gradients at the output projections' outputs.
  var outputs: OutputGradientSums?

  enum Matrices {
    /// Nobody wants the projections' gradients.
    case none
    case sum
    /// The sum, and Σ over sequences of factor · (the sequence's part)², element by element; one factor each sequence.
    case sumAndSquares(LayerParameters, factors: [Float])
    /// The gradients of the adapters' own two matrices.
    case lowRank([LowRankAdapter])
  }
}
