import Checkpoints
import Tensors

/// The two ends of a model as a pass reads them: the embedding, the final norm and the head.
protocol ModelEnds: AnyObject {
  /// The final norm's weight, [hidden].
  var norm: Buffer { get }
  /// Embeddings of tokens, [tokens, hidden].
  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) throws
  /// Rows of the matrix from hidden states to logits, [rows, hidden]; [rows, headWidth] in a sliced model. They are valid until
  /// the next call.
  func head(_ rows: Range<Int>, workers: Workers) throws -> Rows
}

/// The ends in the checkpoint. The head is dequantized block by block, and never whole.
final class StoredEnds: ModelEnds {
  let norm: Buffer
  private let decoder: Decoder
  private let matrix: StoredTensor
  /// Dequantized rows of the head, [at most Head.blockRows, hidden].
  private let block: Buffer

  init(_ decoder: Decoder) throws {
    self.decoder = decoder
    norm = try decoder.finalNorm()
    matrix = try decoder.head()
    block = Buffer(min(Head.blockRows, decoder.vocabulary) * decoder.headWidth)
  }

  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) throws {
    try decoder.embed(tokens, into: target)
  }

  func head(_ rows: Range<Int>, workers: Workers) throws -> Rows {
    let width = decoder.headWidth
    let failure = FirstError()
    workers.ranges(rows.count, grain: 256) { part, _ in
      do {
        try matrix.dequantize(
          rows: .range(rows.lowerBound + part.lowerBound..<rows.lowerBound + part.upperBound),
          into: UnsafeMutableBufferPointer(
            start: block.at(part.lowerBound * width), count: part.count * width))
      } catch { failure.keep(error) }
    }
    try failure.rethrow()
    return block.rows(width)
  }
}
