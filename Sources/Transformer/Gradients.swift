import Checkpoints
import Tensors

/// The gradients of a layer's activations, for one block of tokens.
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
  /// [tokens, hidden]: of an output projection's result, where the stream is not just the sum with it.
  let branch: Buffer
  /// [parts, hidden]: partial sums of a norm's gradient, one row for each part of the rows.
  let normParts: Buffer
  /// The gradient of one matrix and one sequence.
  let single: Buffer

  static let rowsPerPart = 128

  init(roomFor layers: [LayerSizes], tokens: Int, singleSequences: Bool) {
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    mlp = Sublayer(
      products: Buffer(tokens * most { 2 * $0.intermediate }), inputs: Buffer(tokens * most(\.intermediate)))
    attention = Sublayer(
      products: Buffer(tokens * most(\.queryKeyValueWidth)), inputs: Buffer(tokens * most(\.queryWidth)))
    normed = Buffer(tokens * most(\.hidden))
    branch = Buffer(max(1, tokens * most { $0.addsBranchAsIs ? 0 : $0.hidden }))
    let parts = (tokens + GradientSpace.rowsPerPart - 1) / GradientSpace.rowsPerPart
    normParts = Buffer(parts * most { max($0.hidden, $0.queryNorm.width) })
    single = Buffer(
      singleSequences
        ? most { $0.hidden * max($0.queryKeyValueWidth, 2 * $0.intermediate, $0.queryWidth) } : 1)
  }

  subscript(sublayer: ParameterSpec.Sublayer) -> Sublayer { sublayer == .attention ? attention : mlp }
}

/// Where the gradients of a layer's weights go.
struct GradientTarget {
  /// Gradients are added here, summed over sequences: those of norms and biases, and of projections as `matrices` says.
  let sum: LayerParameters
  let matrices: Matrices
  /// Gathers the gradients at the outputs of the output projections.
  var outputs: OutputGradientSums?

  /// Which gradients of projections are made.
  enum Matrices {
    case none
    case sum
    /// `sum`, and Σ over sequences of factor · (the sequence's part)², element by element. There is a factor for each sequence.
    case sumAndSquares(LayerParameters, factors: [Float])
    /// Only the gradients of the adapters' two matrices.
    case lowRank([LowRankAdapter])
  }
}
