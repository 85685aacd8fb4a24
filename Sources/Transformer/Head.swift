import Kernels
import RandomNumbers
import Tensors

/// Positions whose next token is predicted: a row of the residual stream, the token that follows, and what its loss
/// weighs in the gradient.
struct Prediction {
  let row: Int
  let target: Int32
  let weight: Float
}

/// The final norm, the head and the cross-entropy, in chunks: neither [tokens, vocabulary] of a batch nor a stored head
/// in float32 ever exists.
final class Head {
  private let decoder: Decoder
  private let workers: Workers
  private let ends: any ModelEnds
  /// Rows of the head that are multiplied at a time.
  static let blockRows = 4096
  /// Bytes of logits that exist at a time.
  private static let logitBytes = 64 << 20

  /// - Parameter ends: those of the decoder's checkpoint when nil.
  init(_ decoder: Decoder, ends: (any ModelEnds)? = nil, workers: Workers) throws {
    self.decoder = decoder
    self.workers = workers
    self.ends = try ends ?? StoredEnds(decoder)
  }

  /// Predictions whose logits exist at a time.
  private var chunk: Int { max(16, Head.logitBytes / (4 * decoder.vocabulary)) }

  /// Where gradients of the ends are added up, for whoever wants them.
  struct Gradients {
    /// [hidden]
    let norm: Buffer
    /// [vocabulary, hidden]; nil if only the norm is trained.
    let head: Buffer?
  }

  /// A teacher whose distribution the model is to come near (knowledge distillation, Hinton et al., arXiv 1503.02531).
  struct Teacher {
    let head: Head
    /// What leaves the teacher's last layer, [rows, hidden] of the teacher, rows as the student's.
    let stream: UnsafePointer<Float>
    /// Both distributions are softened by it; the divergence is multiplied by its square.
    let temperature: Float
    /// Share of the divergence in the loss; the labels' cross-entropy has the rest.
    let weight: Float
  }

  /// One each prediction, in nats.
  struct Losses {
    /// −ln p(target)
    var crossEntropies: [Double]
    /// T² · KL(teacher ‖ student); empty without a teacher.
    var divergences: [Double] = []
  }

  /// Losses of each prediction.
  ///
  /// - Parameters:
  ///   - stream: [rows, hidden], what leaves the last layer. With `backward` it is overwritten by its gradient, that of
  ///     Σ weight · loss, in all rows; rows that predict nothing get 0.
  ///   - gradients: if not nil, the gradients of the final norm and the head are added to it.
  ///   - teacher: the loss is then (1 − teacher.weight) · cross-entropy + teacher.weight · divergence; only with
  ///     `backward`.
  func losses(
    _ stream: UnsafeMutablePointer<Float>, rows: Int, _ predictions: [Prediction], backward: Bool,
    gradients: Gradients? = nil, teacher: Teacher? = nil, progress: (Int) throws -> Void = { _ in }
  ) throws -> Losses {
    let hidden = decoder.hidden
    let vocabulary = decoder.vocabulary
    let chunk = min(chunk, max(1, predictions.count))
    let gathered = Buffer(chunk * hidden)
    let normed = Buffer(chunk * hidden)
    let inverseRMS = Buffer(chunk)
    let logits = Buffer(chunk * vocabulary)
    let teacherLogits = teacher.map { _ in Buffer(chunk * vocabulary) }
    let dStream = backward ? Buffer(rows * hidden) : nil
    var losses = Losses(crossEntropies: [Double](repeating: 0, count: predictions.count))
    if teacher != nil { losses.divergences = losses.crossEntropies }

    for start in stride(from: 0, to: predictions.count, by: chunk) {
      let part = Array(predictions[start..<min(predictions.count, start + chunk)])
      let count = part.count
      gather(UnsafePointer(stream), part, into: gathered)
      try self.logits(of: gathered, count: count, normed, inverseRMS, into: logits.base)
      if let teacher, let teacherLogits {
        try teacher.head.logits(teacher.stream, part, into: teacherLogits.base)
        distill(part, logits, teacherLogits, teacher, &losses, at: start)
      } else {
        crossEntropies(part, logits, backward: backward, &losses.crossEntropies, at: start)
      }
      if let dStream {
        try propagate(part, gathered, normed, inverseRMS, dLogits: logits, into: dStream, gradients)
      }
      try progress(start + count)
    }
    if let dStream { stream.update(from: dStream.base, count: rows * hidden) }
    return losses
  }

  /// The same positions, each with a next token drawn from the model's prediction in place of its target. What is drawn
  /// depends on the seed and the row alone.
  func drawn(
    _ stream: UnsafeMutablePointer<Float>, _ predictions: [Prediction], seed: UInt64
  ) throws -> [Prediction] {
    let vocabulary = decoder.vocabulary
    let logits = Buffer(min(chunk, max(1, predictions.count)) * vocabulary)
    var targets = [Int32](repeating: 0, count: predictions.count)
    for start in stride(from: 0, to: predictions.count, by: chunk) {
      let part = Array(predictions[start..<min(predictions.count, start + chunk)])
      try self.logits(UnsafePointer(stream), part, into: logits.base)
      let uniforms = part.map { prediction in
        var random = SplitMix64(
          state: seed ^ UInt64(truncatingIfNeeded: prediction.row) &* SplitMix64.step)
        return Double(random.next() >> 11) * 0x1p-53
      }
      targets.withUnsafeMutableBufferPointer { targets in
        nonisolated(unsafe) let targets = targets
        workers.ranges(part.count, grain: 4) { range, _ in
          for index in range {
            targets[start + index] = ap_draw(
              logits.base + index * vocabulary, Int64(vocabulary), uniforms[index])
          }
        }
      }
    }
    return zip(predictions, targets).map { Prediction(row: $0.row, target: $1, weight: $0.weight) }
  }

  /// Logits of a few rows, [rows, vocabulary].
  func logits(_ stream: UnsafeMutablePointer<Float>, rows: Int, into logits: UnsafeMutablePointer<Float>)
    throws
  {
    let all = (0..<rows).map { Prediction(row: $0, target: -1, weight: 0) }
    try self.logits(UnsafePointer(stream), all, into: logits)
  }

  // MARK: - Forward

  private func logits(
    _ stream: UnsafePointer<Float>, _ part: [Prediction], into logits: UnsafeMutablePointer<Float>
  ) throws {
    let gathered = Buffer(part.count * decoder.hidden)
    gather(stream, part, into: gathered)
    try self.logits(
      of: gathered, count: part.count, Buffer(part.count * decoder.hidden), Buffer(part.count), into: logits)
  }

  private func gather(_ stream: UnsafePointer<Float>, _ part: [Prediction], into gathered: Buffer) {
    let hidden = decoder.hidden
    for (index, prediction) in part.enumerated() {
      gathered.at(index * hidden).update(from: stream + prediction.row * hidden, count: hidden)
    }
  }

  private func logits(
    of gathered: Buffer, count: Int, _ normed: Buffer, _ inverseRMS: Buffer,
    into logits: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = decoder.hidden
    ap_rms_norm(
      gathered.base, ends.norm.base, Float(decoder.configuration.rmsNormEpsilon), Int64(count), Int64(hidden),
      Int64(hidden), Int64(hidden), normed.base, inverseRMS.base)
    try overHead { columns, weights in
      workers.multiply(
        Rows(normed.base, stride: hidden), .plain, weights, .transposed,
        into: Rows(logits, stride: decoder.vocabulary).from(row: 0, column: columns.lowerBound), m: count,
        n: columns.count, k: decoder.headWidth)
    }
  }

  private func overHead(_ body: (_ columns: Range<Int>, _ weights: Rows) throws -> Void) throws {
    for start in stride(from: 0, to: decoder.vocabulary, by: Head.blockRows) {
      let columns = start..<min(decoder.vocabulary, start + Head.blockRows)
      try body(columns, ends.head(columns, workers: workers))
    }
  }

  // MARK: - Losses; with `backward` the logits become their gradient

  private func crossEntropies(
    _ part: [Prediction], _ logits: Buffer, backward: Bool, _ losses: inout [Double], at start: Int
  ) {
    let targets = part.map(\.target)
    let weights = part.map(\.weight)
    let vocabulary = decoder.vocabulary
    losses.withUnsafeMutableBufferPointer { losses in
      targets.withUnsafeBufferPointer { targets in
        weights.withUnsafeBufferPointer { weights in
          guard let losses = losses.baseAddress, let targets = targets.baseAddress,
            let weights = weights.baseAddress
          else { return }
          workers.ranges(part.count, grain: 4) { range, _ in
            let first = range.lowerBound
            ap_cross_entropy(
              logits.base + first * vocabulary, Int64(range.count), Int64(vocabulary), targets + first,
              backward ? weights + first : nil, losses + start + first)
          }
        }
      }
    }
  }

  private func distill(
    _ part: [Prediction], _ logits: Buffer, _ teacherLogits: Buffer, _ teacher: Teacher,
    _ losses: inout Losses, at start: Int
  ) {
    let targets = part.map(\.target)
    let labels = part.map { $0.weight * (1 - teacher.weight) }
    let soft = part.map { $0.weight * teacher.weight }
    let vocabulary = decoder.vocabulary
    losses.crossEntropies.withUnsafeMutableBufferPointer { entropies in
      losses.divergences.withUnsafeMutableBufferPointer { divergences in
        guard let entropies = entropies.baseAddress, let divergences = divergences.baseAddress else { return }
        workers.ranges(part.count, grain: 4) { range, _ in
          let first = range.lowerBound
          targets.withUnsafeBufferPointer { targets in
            labels.withUnsafeBufferPointer { labels in
              soft.withUnsafeBufferPointer { soft in
                guard let targets = targets.baseAddress, let labels = labels.baseAddress,
                  let soft = soft.baseAddress
                else { return }
                ap_distillation(
                  logits.base + first * vocabulary, teacherLogits.base + first * vocabulary,
                  Int64(range.count), Int64(vocabulary), targets + first, labels + first, soft + first,
                  teacher.temperature, entropies + start + first, divergences + start + first)
              }
            }
          }
        }
      }
    }
  }

  // MARK: - Backward

  private func propagate(
    _ part: [Prediction], _ gathered: Buffer, _ normed: Buffer, _ inverseRMS: Buffer, dLogits: Buffer,
    into dStream: Buffer, _ gradients: Gradients?
  ) throws {
    let hidden = decoder.hidden
    let count = part.count
    let dNormed = Buffer(count * hidden)
    let dLogits = Rows(dLogits.base, stride: decoder.vocabulary)
    try overHead { columns, weights in
      let block = dLogits.from(row: 0, column: columns.lowerBound)
      workers.multiply(
        block, .plain, weights, .plain, into: Rows(dNormed.base, stride: hidden), m: count, n: hidden,
        k: columns.count, beta: 1)
      if let dHead = gradients?.head {
        workers.multiply(
          block, .transposed, Rows(normed.base, stride: hidden), .plain,
          into: Rows(dHead.base, stride: hidden).from(row: columns.lowerBound), m: columns.count, n: hidden,
          k: count, beta: 1)
      }
    }
    let dGathered = Buffer(count * hidden)
    let dNorm = gradients?.norm ?? Buffer(hidden)
    ap_rms_norm_backward(
      gathered.base, ends.norm.base, inverseRMS.base, dNormed.base, Int64(count), Int64(hidden),
      Int64(hidden), Int64(hidden), Int64(hidden), dGathered.base, dNorm.base)
    for (index, prediction) in part.enumerated() {
      ap_add_scaled(
        dGathered.base + index * hidden, Int64(hidden), 1, dStream.base + prediction.row * hidden)
    }
  }
}
