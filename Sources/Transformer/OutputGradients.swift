import Checkpoints
import Tensors

/// The next tokens that a loss asks for.
public enum Labels: String, CaseIterable, Sendable {
  /// The text's. Squares of the gradient make the empirical Fisher matrix.
  case data
  /// Tokens drawn from the model's predictions. They make the true Fisher matrix (Kunstner et al., arXiv 1905.12558).
  case model
}

/// Gram matrices of the gradients g at the outputs of a layer's two output projections, [hidden, hidden] each: the mean of gᵀg
/// over all calibration tokens. g is the gradient of the sum of the sequence's cross-entropies.
public struct OutputGradients {
  /// Of o_proj.
  public let attention: Buffer
  /// Of down_proj.
  public let mlp: Buffer
}

/// Sums one layer's `OutputGradients`, block after block, on the way back.
final class OutputGradientSums {
  private let grams: OutputGradients
  private let hidden: Int
  private let workers: Workers
  private var tokens = 0
  /// Parts of the block, each with the factor of its rows. It undoes the mini-batch's mean, which divides gradients by the number
  /// of predicted tokens.
  private var parts: [(rows: Range<Int>, factor: Float)] = []

  init(hidden: Int, workers: Workers) {
    self.hidden = hidden
    self.workers = workers
    grams = OutputGradients(attention: Buffer(hidden * hidden), mlp: Buffer(hidden * hidden))
  }

  func begin() {
    tokens = 0
    for gram in [grams.attention, grams.mlp] { gram.zero() }
  }

  /// - Parameter factors: [sequences]
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
    let gram = sublayer == .attention ? grams.attention : grams.mlp
    for (rows, factor) in parts {
      workers.addGram(
        of: d.from(row: rows.lowerBound), count: rows.count, n: hidden, alpha: factor * factor,
        to: gram.rows(hidden))
    }
  }

  /// The means since `begin`, valid until the next `begin`.
  func finish() -> OutputGradients {
    for gram in [grams.attention, grams.mlp] {
      workers.mirror(gram.rows(hidden), n: hidden, scale: 1 / Float(max(1, tokens)))
    }
    return grams
  }
}
