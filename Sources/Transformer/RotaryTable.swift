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
        let angle = Float(position) * Float(frequency)
        cosine.base[position * half + i] = Float(cos(Double(angle)))
        sine.base[position * half + i] = Float(sin(Double(angle)))
      }
    }
  }
}

/// The tables of a model, one for each size that its heads have: layers may differ in it.
final class RotaryTables {
  private let tables: [Int: RotaryTable]

  /// - Parameter layers: those without attention need no table.
  init(_ rotary: RotaryEmbedding, layers: [LayerShape], positions: Int) {
    var tables: [Int: RotaryTable] = [:]
    for layer in layers where layer.keyValueHeads > 0 && tables[layer.headDimension] == nil {
      tables[layer.headDimension] = RotaryTable(
        rotary, headDimension: layer.headDimension, positions: positions)
    }
    self.tables = tables
  }

  /// - Parameter headDimension: of a layer with attention.
  subscript(headDimension: Int) -> RotaryTable {
    guard let table = tables[headDimension] else {
      preconditionFailure("no layer with attention has heads of \(headDimension)")
    }
    return table
  }
}
