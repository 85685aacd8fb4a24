import Foundation

/// The rotary position embedding. It turns pair i of a head by `position · frequencies[i]`.
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
  /// The share of a head's elements, from the first, that is turned. The others don't change.
  public var partialFactor: Double

  public init(theta: Double, scaling: Scaling = .none, partialFactor: Double = 1) {
    self.theta = theta
    self.scaling = scaling
    self.partialFactor = partialFactor
  }

  /// How many of a head's elements are turned.
  public func rotated(headDimension: Int) -> Int { Int(Double(headDimension) * partialFactor) }

  /// The longest sequence that has the frequencies of short ones; nil if all sequences have the same.
  public var lengthOfChange: Int? {
    if case .longRope(_, _, let original, _) = scaling { original } else { nil }
  }

  /// The factor of cosines and sines.
  public var attentionFactor: Double {
    if case .longRope(_, _, _, let factor) = scaling { factor } else { 1 }
  }

  /// Radians a position, `[rotated / 2]`: `theta^(−2i/rotated) / divisor(i)`.
  ///
  /// - Parameter length: the sequence's length. Only LongRoPE depends on it.
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

  /// Turns GGUF's divisors into one factor, or into the four numbers of Meta's Llama 3 models, if these give the same
  /// divisors. llama.cpp's converter computes divisors from those numbers, and llama.cpp divides by a linear factor besides.
  /// transformers has no key for bare divisors.
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
    let size = divisors.count * 2
    let (ours, theirs) = (frequencies(headDimension: size), candidate.frequencies(headDimension: size))
    if zip(ours, theirs).allSatisfy({ abs($0 - $1) <= 1e-5 * abs($1) }) { self = candidate }
  }
}
