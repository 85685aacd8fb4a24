import Checkpoints
import Foundation
import Tensors

/// Cosines and sines of the rotary position embedding (RoFormer, arXiv 2104.09864), [positions, headDimension / 2]
/// each, in the arrangement of Hugging Face: element i is paired with i + headDimension / 2.
final class RotaryTable {
  let cosine: Buffer
  let sine: Buffer
  let positions: Int
  let half: Int

  init(_ rotary: RotaryEmbedding, headDimension: Int, positions: Int) {
    half = headDimension / 2
    self.positions = positions
    cosine = Buffer(positions * half)
    sine = Buffer(positions * half)
    let frequencies = rotary.frequencies(headDimension: headDimension)
    for position in 0..<positions {
      for (i, frequency) in frequencies.enumerated() {
        // transformers rounds frequencies and angles to float32, and so must whoever wants its logits.
        let angle = Float(position) * frequency
        cosine.base[position * half + i] = Float(cos(Double(angle)))
        sine.base[position * half + i] = Float(sin(Double(angle)))
      }
    }
  }
}

extension RotaryEmbedding {
  /// Radians a position for each of the headDimension / 2 pairs, after scaling.
  func frequencies(headDimension: Int) -> [Float] {
    let half = headDimension / 2
    let plain = (0..<half).map { i in
      Float(1 / pow(Double(theta), Double(2 * i) / Double(headDimension)))
    }
    switch scaling {
    case .none:
      return plain
    case .linear(let factor):
      return plain.map { $0 / Float(factor) }
    case .llama3(let factor, let lowFactor, let highFactor, let originalPositions):
      // Llama 3.1: long waves are slowed by `factor`, short ones kept, those between blended
      // (transformers, modeling_rope_utils.py, _compute_llama3_parameters).
      let original = Double(originalPositions)
      return plain.map { frequency in
        let wavelength = 2 * Double.pi / Double(frequency)
        if wavelength > original / lowFactor { return Float(Double(frequency) / factor) }
        if wavelength < original / highFactor { return frequency }
        let smooth = (original / wavelength - lowFactor) / (highFactor - lowFactor)
        return Float((1 - smooth) * Double(frequency) / factor + smooth * Double(frequency))
      }
    case .explicit(let divisors):
      return zip(plain, divisors).map { $0 / Float($1) }
    }
  }
}
