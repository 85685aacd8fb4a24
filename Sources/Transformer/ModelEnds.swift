import Checkpoints
import Tensors

/// What lies at the two ends of a model: the embedding, the final norm and the head, as a pass reads them.
protocol ModelEnds: AnyObject {
  /// The final norm's weight, [hidden].
  var norm: Buffer { get }
  /// Embeddings of tokens, [tokens, hidden].
  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) throws
  /// Some rows of the matrix that turns hidden states into logits, [rows, hidden], valid until the next call; [rows,
  /// headWidth] of a sliced model.
  func head(_ rows: Range<Int>, workers: Workers) throws -> Rows
}

/// The ends as the checkpoint has them: the head is widened block by block and never whole.
final class StoredEnds: ModelEnds {
  let norm: Buffer
  private let decoder: Decoder
  private let matrix: StoredTensor
  /// Rows of the head that are widened at a time, [at most Head.blockRows, hidden].
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
        try matrix.widen(
          rows: .range(rows.lowerBound + part.lowerBound..<rows.lowerBound + part.upperBound),
          into: UnsafeMutableBufferPointer(
            start: block.at(part.lowerBound * width), count: part.count * width))
      } catch { failure.keep(error) }
    }
    try failure.rethrow()
    return Rows(block.base, stride: width)
  }
}
