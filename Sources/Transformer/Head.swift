import Checkpoints
import Kernels
import RandomNumbers
import Tensors

/// A token to predict: the row of the residual stream that predicts it, the token, and the weight of its loss in the
/// gradient.
struct Prediction {
  let row: Int
  let target: Int32
  let weight: Float

  /// The wanted tokens of sequences that lie one after another in the stream. No sequence's first is predicted.
  static func all(
    of sequences: [[Int32]], weight: (_ sequence: Int) -> Float = { _ in 1 },
    where isWanted: (_ sequence: Int, _ position: Int) -> Bool = { _, _ in true }
  ) -> [Prediction] {
    var row = 0
    return sequences.enumerated().flatMap { index, tokens in
      defer { row += tokens.count }
      return tokens.indices.dropFirst().filter { isWanted(index, $0) }.map {
        Prediction(row: row + $0 - 1, target: tokens[$0], weight: weight(index))
      }
    }
  }
}

/// The final norm, the head and the cross-entropy, in chunks. Neither a batch's [tokens, vocabulary] nor the whole head in
/// float32 ever exists.
final class Head {
  private let decoder: Decoder
  private let workers: Workers
  private let ends: any ModelEnds
  /// Rows of the head that are multiplied at a time.
  static let blockRows = 4096
  /// Bytes of logits that exist at a time.
  private static let logitBytes = 64 << 20

  /// - Parameter ends: nil for those of the checkpoint.
  init(_ decoder: Decoder, ends: (any ModelEnds)? = nil, workers: Workers) throws {
    self.decoder = decoder
    self.workers = workers
    self.ends = try ends ?? StoredEnds(decoder)
  }

  private var design: DecoderDesign { decoder.configuration.design }
  /// Logits are hidden states times head, times `scale`, and then capped.
  private var scale: Float { Float(design.logitScale) }
  private var cap: Float? { design.finalSoftCap.map { Float($0) } }

  /// Predictions whose logits exist at a time.
  private var chunk: Int { max(16, Head.logitBytes / (4 * decoder.vocabulary)) }

  /// Sums of the ends' gradients.
  struct Gradients {
    /// [hidden]
    let norm: Buffer
    /// [vocabulary, hidden]; nil if only the norm is trained.
    let head: Buffer?
  }

  /// The teacher of a student (knowledge distillation, Hinton et al., arXiv 1503.02531).
  struct Teacher {
    let head: Head
    /// The output of the teacher's last layer, [rows, hidden of the teacher], in the student's rows.
    let stream: UnsafePointer<Float>
    /// Softens both distributions. Its square multiplies the divergence.
    let temperature: Float
    /// The divergence's share in the loss. The cross-entropy of the labels has the rest.
    let weight: Float
  }

  /// [predictions], in nats.
  struct Losses {
    /// −ln p(target)
    var crossEntropies: [Double] = []
    /// T² · KL(teacher ‖ student); empty without a teacher.
    var divergences: [Double] = []
  }

  /// The loss of each prediction.
  ///
  /// - Parameters:
  ///   - stream: [rows, hidden], the last layer's output. With `backward` it is overwritten by the gradient of
  ///     Σ weight · loss. Rows that predict nothing get 0.
  ///   - gradients: the gradients of the final norm and the head are added to it.
  ///   - teacher: makes the loss (1 − teacher.weight) · cross-entropy + teacher.weight · divergence. It needs `backward`.
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
    let capped = cap != nil && backward ? Buffer(chunk * vocabulary) : nil
    let teacherLogits = teacher.map { _ in Buffer(chunk * vocabulary) }
    let dStream = backward ? Buffer(rows * hidden) : nil
    var losses = Losses()

    for start in stride(from: 0, to: predictions.count, by: chunk) {
      let part = Array(predictions[start..<min(predictions.count, start + chunk)])
      let count = part.count
      gather(UnsafePointer(stream), rows: part.map(\.row), into: gathered)
      try self.logits(of: gathered, count: count, normed, inverseRMS, into: logits.base)
      capped?.base.update(from: logits.base, count: count * vocabulary)
      if let teacher, let teacherLogits {
        try teacher.head.logits(teacher.stream, rows: part.map(\.row), into: teacherLogits.base)
        let both = distill(part, logits, teacherLogits, teacher)
        losses.crossEntropies += both.map(\.x)
        losses.divergences += both.map(\.y)
      } else {
        losses.crossEntropies += crossEntropies(part, logits, backward: backward)
      }
      if let capped, let cap {
        // The factor of the cap; that of the scale comes with the product.
        workers.ranges(count, grain: 4) { range, _ in
          let first = range.lowerBound * vocabulary
          ap_soft_cap_backward(capped.at(first), logits.at(first), Int64(range.count * vocabulary), 1, cap)
        }
      }
      if let dStream {
        try propagate(part, gathered, normed, inverseRMS, dLogits: logits, into: dStream, gradients)
      }
      try progress(start + count)
    }
    if let dStream { stream.update(from: dStream.base, count: rows * hidden) }
    return losses
  }

  /// The same positions with targets drawn from the model's predictions. A draw depends only on the seed and the row.
  func drawn(
    _ stream: UnsafeMutablePointer<Float>, _ predictions: [Prediction], seed: UInt64
  ) throws -> [Prediction] {
    let vocabulary = decoder.vocabulary
    let logits = Buffer(min(chunk, max(1, predictions.count)) * vocabulary)
    var targets: [Int32] = []
    for start in stride(from: 0, to: predictions.count, by: chunk) {
      let part = Array(predictions[start..<min(predictions.count, start + chunk)])
      try self.logits(stream, rows: part.map(\.row), into: logits.base)
      let uniforms = part.map { prediction in
        var random = SplitMix64(state: seed ^ UInt64(truncatingIfNeeded: prediction.row) &* SplitMix64.step)
        return Double(random.next() >> 11) * 0x1p-53
      }
      var drawn = part.map(\.target)
      workers.ranges(of: &drawn, grain: 1) { range, target in
        target.pointee = ap_draw(
          logits.base + range.lowerBound * vocabulary, Int64(vocabulary), uniforms[range.lowerBound])
      }
      targets += drawn
    }
    return zip(predictions, targets).map { Prediction(row: $0.row, target: $1, weight: $0.weight) }
  }

  // MARK: - Forward

  /// Logits of a few rows of the stream, [rows, vocabulary].
  func logits(_ stream: UnsafePointer<Float>, rows: [Int], into logits: UnsafeMutablePointer<Float>) throws {
    let gathered = Buffer(rows.count * decoder.hidden)
    gather(stream, rows: rows, into: gathered)
    try self.logits(
      of: gathered, count: rows.count, Buffer(rows.count * decoder.hidden), Buffer(rows.count), into: logits)
  }

  private func gather(_ stream: UnsafePointer<Float>, rows: [Int], into gathered: Buffer) {
    let hidden = decoder.hidden
    for (index, row) in rows.enumerated() {
      gathered.at(index * hidden).update(from: stream + row * hidden, count: hidden)
    }
  }

  private func logits(
    of gathered: Buffer, count: Int, _ normed: Buffer, _ inverseRMS: Buffer,
    into logits: UnsafeMutablePointer<Float>
  ) throws {
    let hidden = decoder.hidden
    let norm = design.factors(ends.norm)
    ap_rms_norm(
      gathered.base, norm.base, Float(decoder.configuration.rmsNormEpsilon), Int64(count), Int64(hidden),
      Int64(hidden), Int64(hidden), normed.base, inverseRMS.base)
    try overHead { columns, weights in
      workers.multiply(
        normed.rows(hidden), .plain, weights, .transposed,
        into: Rows(logits, stride: decoder.vocabulary).from(row: 0, column: columns.lowerBound), m: count,
        n: columns.count, k: decoder.headWidth, alpha: scale)
    }
    guard let cap else { return }
    workers.ranges(count, grain: 4) { range, _ in
      ap_soft_cap(
        logits + range.lowerBound * decoder.vocabulary, Int64(range.count * decoder.vocabulary), 1, cap)
    }
  }

  private func overHead(_ body: (_ columns: Range<Int>, _ weights: Rows) throws -> Void) throws {
    for start in stride(from: 0, to: decoder.vocabulary, by: Head.blockRows) {
      let columns = start..<min(decoder.vocabulary, start + Head.blockRows)
      try body(columns, ends.head(columns, workers: workers))
    }
  }

  // MARK: - Losses; with `backward` the logits become their gradient

  private func crossEntropies(_ part: [Prediction], _ logits: Buffer, backward: Bool) -> [Double] {
    let vocabulary = decoder.vocabulary
    var losses = [Double](repeating: 0, count: part.count)
    workers.ranges(of: &losses, grain: 4) { range, losses in
      let part = part[range]
      ap_cross_entropy(
        logits.at(range.lowerBound * vocabulary), Int64(range.count), Int64(vocabulary), part.map(\.target),
        backward ? part.map(\.weight) : nil, losses)
    }
    return losses
  }

  /// [predictions]: cross-entropy and divergence.
  private func distill(
    _ part: [Prediction], _ logits: Buffer, _ teacherLogits: Buffer, _ teacher: Teacher
  ) -> [SIMD2<Double>] {
    let vocabulary = decoder.vocabulary
    var losses = [SIMD2<Double>](repeating: .zero, count: part.count)
    workers.ranges(of: &losses, grain: 4) { range, losses in
      let (part, first) = (part[range], range.lowerBound * vocabulary)
      var entropies = [Double](repeating: 0, count: part.count)
      var divergences = entropies
      ap_distillation(
        logits.at(first), teacherLogits.at(first), Int64(range.count), Int64(vocabulary), part.map(\.target),
        part.map { $0.weight * (1 - teacher.weight) }, part.map { $0.weight * teacher.weight },
        teacher.temperature, &entropies, &divergences)
      for index in entropies.indices { losses[index] = SIMD2(entropies[index], divergences[index]) }
    }
    return losses
  }

  // MARK: - Backward

  private func propagate(
    _ part: [Prediction], _ gathered: Buffer, _ normed: Buffer, _ inverseRMS: Buffer, dLogits: Buffer,
    into dStream: Buffer, _ gradients: Gradients?
  ) throws {
    let (hidden, count) = (decoder.hidden, part.count)
    let dNormed = Buffer(count * hidden)
    let dLogits = dLogits.rows(decoder.vocabulary)
    try overHead { columns, weights in
      let block = dLogits.from(row: 0, column: columns.lowerBound)
      workers.multiply(
        block, .plain, weights, .plain, into: dNormed.rows(hidden), m: count, n: hidden,
        k: columns.count, alpha: scale, beta: 1)
      if let dHead = gradients?.head {
        workers.multiply(
          block, .transposed, normed.rows(hidden), .plain,
          into: dHead.rows(hidden, from: columns.lowerBound * hidden), m: columns.count, n: hidden, k: count,
          alpha: scale, beta: 1)
      }
    }
    let dGathered = Buffer(count * hidden)
    let dNorm = gradients?.norm ?? Buffer(hidden)
    let norm = design.factors(ends.norm)
    ap_rms_norm_backward(
      gathered.base, norm.base, inverseRMS.base, dNormed.base, Int64(count), Int64(hidden),
      Int64(hidden), Int64(hidden), Int64(hidden), dGathered.base, dNorm.base)
    for (index, prediction) in part.enumerated() {
      ap_add_scaled(dGathered.at(index * hidden), Int64(hidden), 1, dStream.at(prediction.row * hidden))
    }
  }
}
