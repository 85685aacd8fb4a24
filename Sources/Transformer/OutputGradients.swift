import Checkpoints
import Tensors

/// Whose next tokens a loss asks for.
public enum Labels: String, CaseIterable, Sendable {
  /// The text's: squares of the gradient then make the empirical Fisher matrix.
  case data
  /// Drawn from the model's own predictions: they make the true one (Kunstner et al., arXiv 1905.12558).
  case model
}

/// Gram matrices of the gradients at the outputs of one layer's two output projections, [hidden, hidden] each: the mean
/// over all calibration tokens of gᵀg, with g the gradient of the sum of the sequence's cross-entropies.
public struct OutputGradients {
  /// At the output of o_proj.
  public let attention: Buffer
  /// At the output of down_proj.
  public let mlp: Buffer
}

/// Adds up one layer's `OutputGradients`, block after block, on the way back.
final class OutputGradientSums {
  private let attention: Buffer
  private let mlp: Buffer
  private let hidden: Int
  private let workers: Workers
  private var tokens = 0
  /// Parts of the block at hand, each with what its rows are to be multiplied with: a mini-batch's mean makes gradients
  /// smaller by its number of predicted tokens.
  private var parts: [(rows: Range<Int>, factor: Float)] = []

  init(hidden: Int, workers: Workers) {
    self.hidden = hidden
    self.workers = workers
    attention = Buffer(hidden * hidden)
    mlp = Buffer(hidden * hidden)
  }

  func begin() {
    tokens = 0
    attention.zero()
    mlp.zero()
  }

  /// - Parameter factors: one a sequence.
  func begin(_ block: SequenceBlock, factors: [Float]) {
    tokens += block.tokens
    parts = []
    for (rows, factor) in zip(block.sequences, factors) {
      if let last = parts.last, last.factor == factor {
        parts[parts.count - 1].rows = last.rows.lowerBound..<rows.upperBound
      } else {
        parts.append((rows, factor))
      }
    }
  }

  /// - Parameter d: [tokens, hidden], the gradient at the projection's output.
  func add(_ d: Rows, of sublayer: ParameterSpec.Sublayer) {
    let gram = sublayer == .attention ? attention : mlp
    for (rows, factor) in parts {
      workers.addGram(
        of: d.from(row: rows.lowerBound), count: rows.count, n: hidden, alpha: factor * factor,
        to: Rows(gram.base, stride: hidden))
    }
  }

  /// What has been added since `begin`; valid until the next `begin`.
  func finish() -> OutputGradients {
    let scale = 1 / Float(max(1, tokens))
    for gram in [attention, mlp] {
      workers.mirror(Rows(gram.base, stride: hidden), n: hidden, scale: scale)
    }
    return OutputGradients(attention: attention, mlp: mlp)
  }
}
