import Checkpoints
import Kernels
import Tensors

/// Positions whose next token is predicted: a row of the residual stream, the token that follows, and what its loss
/// weighs in the gradient.
struct Prediction {
  let row: Int
  let target: Int32
  let weight: Float
}

/// The final norm, the head and the cross-entropy, in chunks: neither [tokens, vocabulary] of a batch nor the head in
/// float32 ever exists.
final class Head {
  private let decoder: Decoder
  private let workers: Workers
  private let norm: Buffer
  private let matrix: StoredTensor
  /// Rows of the head that are widened at a time, [blockRows, hidden].
  private let block: Buffer
  private static let blockRows = 4096
  /// Bytes of logits that exist at a time.
  private static let logitBytes = 64 << 20

  init(_ decoder: Decoder, workers: Workers) throws {
    self.decoder = decoder
    self.workers = workers
    norm = try decoder.finalNorm()
    matrix = try decoder.head()
    block = Buffer(min(Head.blockRows, decoder.vocabulary) * decoder.hidden)
  }

  /// Predictions whose logits exist at a time.
  private var chunk: Int { max(16, Head.logitBytes / (4 * decoder.vocabulary)) }

  /// Gradients of the ends, for whoever wants them.
  final class Gradients {
    /// [hidden]
    let norm: Buffer
    /// [vocabulary, hidden]
    let head: Buffer
    init(_ decoder: Decoder) {
      norm = Buffer(decoder.hidden)
      head = Buffer(decoder.vocabulary * decoder.hidden)
    }
  }

  /// Losses −ln p(target) of each prediction, in nats.
  ///
  /// - Parameters:
  ///   - stream: [rows, hidden], what leaves the last layer. With `backward` it is overwritten by its gradient, that of
  ///     Σ weight · loss, in all rows; rows that predict nothing get 0.
  ///   - ends: if not nil, the gradients of the final norm and the head are added to it.
  func losses(
    _ stream: UnsafeMutablePointer<Float>, rows: Int, _ predictions: [Prediction], backward: Bool,
    ends: Gradients? = nil, progress: (Int) throws -> Void = { _ in }
  ) throws -> [Double] {
    let hidden = decoder.hidden
    let vocabulary = decoder.vocabulary
    let chunk = min(chunk, max(1, predictions.count))
    let gathered = Buffer(chunk * hidden)
    let normed = Buffer(chunk * hidden)
    let inverseRMS = Buffer(chunk)
    let logits = Buffer(chunk * vocabulary)
    let dStream = backward ? Buffer(rows * hidden) : nil
    var losses = [Double](repeating: 0, count: predictions.count)

    for start in stride(from: 0, to: predictions.count, by: chunk) {
      let part = Array(predictions[start..<min(predictions.count, start + chunk)])
      let count = part.count
      for (index, prediction) in part.enumerated() {
        (gathered.base + index * hidden).update(from: stream + prediction.row * hidden, count: hidden)
      }
      ap_rms_norm(
        gathered.base, norm.base, Float(decoder.configuration.rmsNormEpsilon), Int64(count), Int64(hidden),
        Int64(hidden), Int64(hidden), normed.base, inverseRMS.base)
      try overHead { columns, weights in
        workers.multiply(
          Rows(normed.base, stride: hidden), .plain, weights, .transposed,
          into: Rows(logits.base, stride: vocabulary).from(row: 0, column: columns.lowerBound), m: count,
          n: columns.count, k: hidden)
      }
      let targets = part.map(\.target)
      let weights = part.map(\.weight)
      losses.withUnsafeMutableBufferPointer { losses in
        guard let losses = losses.baseAddress else { return }
        workers.ranges(count, grain: 4) { range, _ in
          let first = range.lowerBound
          targets.withUnsafeBufferPointer { targets in
            weights.withUnsafeBufferPointer { weights in
              guard let targets = targets.baseAddress, let weights = weights.baseAddress else { return }
              ap_cross_entropy(
                logits.base + first * vocabulary, Int64(range.count), Int64(vocabulary), targets + first,
                backward ? weights + first : nil, losses + start + first)
            }
          }
        }
      }
      if let dStream {
        let dNormed = Buffer(count * hidden)
        let dLogits = Rows(logits.base, stride: vocabulary)
        try overHead { columns, weights in
          let block = dLogits.from(row: 0, column: columns.lowerBound)
          workers.multiply(
            block, .plain, weights, .plain, into: Rows(dNormed.base, stride: hidden), m: count, n: hidden,
            k: columns.count, beta: 1)
          if let ends {
            workers.multiply(
              block, .transposed, Rows(normed.base, stride: hidden), .plain,
              into: Rows(ends.head.base, stride: hidden).from(row: columns.lowerBound), m: columns.count,
              n: hidden,
              k: count, beta: 1)
          }
        }
        let dGathered = Buffer(count * hidden)
        let dNorm = ends?.norm ?? Buffer(hidden)
        ap_rms_norm_backward(
          gathered.base, norm.base, inverseRMS.base, dNormed.base, Int64(count), Int64(hidden), Int64(hidden),
          Int64(hidden), Int64(hidden), dGathered.base, dNorm.base)
        for (index, prediction) in part.enumerated() {
          ap_add_scaled(
            dGathered.base + index * hidden, Int64(hidden), 1, dStream.base + prediction.row * hidden)
        }
      }
      try progress(start + count)
    }
    if let dStream { stream.update(from: dStream.base, count: rows * hidden) }
    return losses
  }

  /// Logits of a few rows, [rows, vocabulary].
  func logits(_ stream: UnsafeMutablePointer<Float>, rows: Int, into logits: UnsafeMutablePointer<Float>)
    throws
  {
    let hidden = decoder.hidden
    let normed = Buffer(rows * hidden)
    let inverseRMS = Buffer(rows)
    ap_rms_norm(
      stream, norm.base, Float(decoder.configuration.rmsNormEpsilon), Int64(rows), Int64(hidden),
      Int64(hidden),
      Int64(hidden), normed.base, inverseRMS.base)
    try overHead { columns, weights in
      workers.multiply(
        Rows(normed.base, stride: hidden), .plain, weights, .transposed,
        into: Rows(logits, stride: decoder.vocabulary).from(row: 0, column: columns.lowerBound), m: rows,
        n: columns.count, k: hidden)
    }
  }

  /// Widens the head block by block: `weights` is [columns of the logits, hidden].
  private func overHead(_ body: (_ columns: Range<Int>, _ weights: Rows) throws -> Void) throws {
    let hidden = decoder.hidden
    for start in stride(from: 0, to: decoder.vocabulary, by: Head.blockRows) {
      let columns = start..<min(decoder.vocabulary, start + Head.blockRows)
      let failure = FirstError()
      workers.ranges(columns.count, grain: 256) { rows, _ in
        do {
          try matrix.widen(
            rows: .range(start + rows.lowerBound..<start + rows.upperBound),
            into: UnsafeMutableBufferPointer(
              start: block.base + rows.lowerBound * hidden, count: rows.count * hidden))
        } catch { failure.keep(error) }
      }
      try failure.rethrow()
      try body(columns, Rows(block.base, stride: hidden))
    }
  }
}
