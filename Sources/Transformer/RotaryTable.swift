import Checkpoints
import Foundation
import Tensors

/// The cosines and sines of a rotary position embedding (RoFormer, arXiv 2104.09864), [positions, rotated / 2] each.
/// As in Hugging Face, element i is paired with element i + rotated / 2.
final class RotaryTable {
  let cosine: Buffer
  let sine: Buffer
  let half: Int

  /// - Parameter length: tokens of the sequences; it matters to LongRoPE alone.
  init(_ rotary: RotaryEmbedding, headDimension: Int, positions: Int, length: Int = 0) {
    half = rotary.rotated(headDimension: headDimension) / 2
    let factor = Float(rotary.attentionFactor)
    cosine = Buffer(positions * half)
    sine = Buffer(positions * half)
    let frequencies = rotary.frequencies(headDimension: headDimension, length: length)
    for position in 0..<positions {
      for (i, frequency) in frequencies.enumerated() {
        // transformers rounds frequencies and angles to float32.
        let angle = Float(position) * Float(frequency)
        cosine.base[position * half + i] = Float(cos(Double(angle))) * factor
        sine.base[position * half + i] = Float(sin(Double(angle))) * factor
      }
    }
  }
}

/// The rotations of one layer. LongRoPE turns long sequences by other frequencies.
struct LayerRotation {
  fileprivate let short: RotaryTable
  fileprivate let long: RotaryTable?
  fileprivate let lengthOfChange: Int

  func table(length: Int) -> RotaryTable { length > lengthOfChange ? long ?? short : short }
}

/// The rotations of a model's layers, which may differ in the embedding and in the size of heads. Each is made when a
/// layer first asks for it.
final class RotaryTables {
  private struct Key: Hashable {
    let rope: Int
    let headDimension: Int
  }

  let ropes: [RotaryEmbedding]
  private let positions: Int
  private var made: [Key: LayerRotation] = [:]

  init(_ ropes: [RotaryEmbedding], positions: Int) {
    self.ropes = ropes
    self.positions = positions
  }

  /// Rotations for a model with these embeddings: this object where they are its own.
  func forModel(with ropes: [RotaryEmbedding]) -> RotaryTables {
    ropes == self.ropes ? self : RotaryTables(ropes, positions: positions)
  }

  /// nil for a layer that has no attention or rotates nothing.
  func rotation(of layer: LayerShape) -> LayerRotation? {
    guard layer.keyValueHeads > 0, let rope = layer.rope, ropes.indices.contains(rope) else { return nil }
    let key = Key(rope: rope, headDimension: layer.headDimension)
    if let rotation = made[key] { return rotation }
    let change = ropes[rope].lengthOfChange ?? positions
    func table(positions: Int, length: Int) -> RotaryTable {
      RotaryTable(ropes[rope], headDimension: layer.headDimension, positions: positions, length: length)
    }
    let rotation = LayerRotation(
      short: table(positions: min(positions, change), length: 0),
      long: positions > change ? table(positions: positions, length: positions) : nil, lengthOfChange: change)
    made[key] = rotation
    return rotation
  }
}
