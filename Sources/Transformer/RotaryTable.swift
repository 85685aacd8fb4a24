import Checkpoints
import Foundation
import Tensors

/// Cosines and sines of the rotary position embedding (RoFormer, arXiv 2104.09864), [positions, rotated / 2]
/// each, in the arrangement of Hugging Face: element i is paired with i + headDimension / 2.
final class RotaryTable {
  let cosine: Buffer
  let sine: Buffer
  let positions: Int
  let half: Int

  /// - Parameter length: of the sequences that it is for, where that matters.
  init(_ rotary: RotaryEmbedding, headDimension: Int, positions: Int, length: Int = 0) {
    half = rotary.rotated(headDimension: headDimension) / 2
    let factor = Float(rotary.attentionFactor)
    self.positions = positions
    cosine = Buffer(positions * half)
    sine = Buffer(positions * half)
    let frequencies = rotary.frequencies(headDimension: headDimension, length: length)
    for position in 0..<positions {
      for (i, frequency) in frequencies.enumerated() {
        // transformers rounds frequencies and angles to float32, and so must whoever wants its logits.
        let angle = Float(position) * Float(frequency)
        cosine.base[position * half + i] = Float(cos(Double(angle))) * factor
        sine.base[position * half + i] = Float(sin(Double(angle))) * factor
      }
    }
  }
}

/// The tables of a model: layers may differ in the embedding and in the size of heads, and sequences in length.
final class RotaryTables {
  private struct Key: Hashable {
    let rope: Int
    let headDimension: Int
    let isLong: Bool
  }

  /// Of each embedding, behind how many tokens it turns otherwise.
  private let lengthsOfChange: [Int?]
  private let tables: [Key: RotaryTable]

  /// Layers without attention, and those that turn nothing, need no table.
  init(_ configuration: ModelConfiguration, positions: Int) {
    let ropes = configuration.ropes
    let lengthsOfChange = ropes.map(\.lengthOfChange)
    var tables: [Key: RotaryTable] = [:]
    for layer in configuration.layers where layer.keyValueHeads > 0 {
      guard let index = layer.rope, ropes.indices.contains(index) else { continue }
      let change = lengthsOfChange[index] ?? positions
      func add(isLong: Bool, positions: Int, length: Int) {
        let key = Key(rope: index, headDimension: layer.headDimension, isLong: isLong)
        guard tables[key] == nil else { return }
        tables[key] = RotaryTable(
          ropes[index], headDimension: layer.headDimension, positions: positions, length: length)
      }
      add(isLong: false, positions: min(positions, change), length: 0)
      if positions > change { add(isLong: true, positions: positions, length: positions) }
    }
    self.lengthsOfChange = lengthsOfChange
    self.tables = tables
  }

  /// - Parameters:
  ///   - rope: of a layer with attention; nil if it turns nothing.
  ///   - length: tokens of the sequence.
  func table(rope: Int?, headDimension: Int, length: Int) -> RotaryTable? {
    guard let rope, lengthsOfChange.indices.contains(rope) else { return nil }
    let isLong = lengthsOfChange[rope].map { length > $0 } ?? false
    guard let table = tables[Key(rope: rope, headDimension: headDimension, isLong: isLong)] else {
      preconditionFailure("no layer with attention has heads of \(headDimension)")
    }
    return table
  }
}
