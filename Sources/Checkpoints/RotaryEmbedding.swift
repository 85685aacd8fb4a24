import Foundation

/// The rotary position embedding: pair i of a head turns by `position · frequencies[i]`.
public struct RotaryEmbedding: Sendable, Hashable {
  public enum Scaling: Sendable, Hashable {
    case none
    /// Every frequency divided by `factor` (positions interpolated, arXiv:2306.15595).
    case linear(factor: Double)
    /// Low frequencies divided by `factor`, high ones kept, smooth between.
    case llama3(
      factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalMaxPositions: Int)
    /// Frequency i divided by `divisors[i]`, `[headDimension / 2]`: GGUF's `rope_freqs.weight`.
    case explicit(divisors: [Float])
    /// Frequency i divided by `short[i]` in sequences of at most `originalMaxPositions`, by `long[i]` in longer ones;
    /// cosines and sines multiplied by `attentionFactor` (LongRoPE, arXiv 2402.13753).
    case longRope(short: [Double], long: [Double], originalMaxPositions: Int, attentionFactor: Double)
  }

  public var theta: Double
  public var scaling: Scaling
  /// How much of a head is turned: its first elements. The others stay as they are.
  public var partialFactor: Double

  public init(theta: Double, scaling: Scaling = .none, partialFactor: Double = 1) {
    self.theta = theta
    self.scaling = scaling
    self.partialFactor = partialFactor
  }

  /// How many of a head's elements are turned.
  public func rotated(headDimension: Int) -> Int { Int(Double(headDimension) * partialFactor) }

  /// The longest sequence of those that are turned alike with the shortest; nil if all are.
  public var lengthOfChange: Int? {
    if case .longRope(_, _, let original, _) = scaling { original } else { nil }
  }

  /// What cosines and sines are multiplied by.
  public var attentionFactor: Double {
    if case .longRope(_, _, _, let factor) = scaling { factor } else { 1 }
  }

  /// Radians a position, `[rotated / 2]`: `theta^(−2i/rotated) / divisor(i)`.
  ///
  /// - Parameter length: of the sequence, which counts for LongRoPE alone.
  public func frequencies(headDimension: Int, length: Int = 0) -> [Double] {
    let rotated = rotated(headDimension: headDimension)
    return (0..<rotated / 2).map { pair in
      let frequency = pow(theta, -2 * Double(pair) / Double(rotated))
      return frequency / divisor(pair: pair, frequency: frequency, length: length)
    }
  }

  /// `_compute_llama3_parameters` in transformers' modeling_rope_utils.py.
  private func divisor(pair: Int, frequency: Double, length: Int) -> Double {
    switch scaling {
    case .none: return 1
    case .linear(let factor): return factor
    case .explicit(let divisors): return divisors.indices.contains(pair) ? Double(divisors[pair]) : 1
    case .longRope(let short, let long, let original, _):
      let factors = length > original ? long : short
      return factors.indices.contains(pair) ? factors[pair] : 1
    case .llama3(let factor, let low, let high, let original):
      let turns = Double(original) * frequency / (2 * .pi)  // within the original context
      if turns > high { return 1 }
      if turns < low { return factor }
      let smooth = (turns - low) / (high - low)
      return 1 / ((1 - smooth) / factor + smooth)
    }
  }

  /// GGUF keeps the divisors that llama.cpp's converter computes from Llama 3's four numbers, and llama.cpp divides by a
  /// linear factor besides. transformers has no word for bare divisors.
  /// So they are told as one factor, or as the numbers of Meta's models, where these give the same divisors.
  package init(theta: Double, ggufDivisors: [Float], factor: Double = 1) {
    let divisors = ggufDivisors.map { Float(Double($0) * factor) }
    if let first = divisors.first, divisors.allSatisfy({ $0 == first }) {
      self.init(
        theta: theta, scaling: first == 1 ? .none : .linear(factor: Double("\(first)") ?? Double(first)))
      return
    }
    self.init(theta: theta, scaling: .explicit(divisors: divisors))
    let candidate = RotaryEmbedding(
      theta: theta,
      scaling: .llama3(
        factor: Double("\(divisors.max() ?? 1)") ?? 1, lowFrequencyFactor: 1, highFrequencyFactor: 4,
        originalMaxPositions: 8192))
    let (ours, theirs) = (
      frequencies(headDimension: divisors.count * 2), candidate.frequencies(headDimension: divisors.count * 2)
    )
    if zip(ours, theirs).allSatisfy({ abs($0 - $1) <= 1e-5 * abs($1) }) { self = candidate }
  }
}
