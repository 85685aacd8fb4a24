import Checkpoints
import Synchronization
import Tensors

/// Weights from the checkpoint to memory: in float32, one layer at a time, gathered by the units that stay.
extension Decoder {
  /// Drops the checkpoint's pages from this process's memory, once the weights are copied.
  func releasePages() {
    for name in checkpoint.tensorNames { (try? checkpoint.tensor(named: name))?.releasePages() }
  }

  /// Dequantizes the kept rows and columns of a layer, on all threads.
  /// - Throws: `CheckpointError`.
  func dequantize(layer: Int, into parameters: LayerParameters, workers: Workers) throws {
    parameters.sizes = sizes(layer)
    if isSliced {
      for norm in ParameterSlot.norms { parameters.weight(norm).fill(1) }
    }
    let stored = configuration.sizes(layer)
    // Rows are cut into pieces, so that a few large matrices keep all threads busy.
    var pieces: [(parameter: NamedParameter, tensor: StoredTensor, above: Int, rows: Range<Int>)] = []
    for parameter in parameters.named {
      let tensor = try checkpoint.tensor(named: "model.layers.\(layer).\(parameter.spec.tensor)")
      let above = parameter.spec.fused?.above.reduce(0) { $0 + stored[$1] } ?? 0
      let most = parameter.isVector ? parameter.rows : 256
      for start in stride(from: 0, to: parameter.rows, by: most) {
        pieces.append((parameter, tensor, above, start..<min(parameter.rows, start + most)))
      }
    }
    var selections: [LayerDimension: [Int]] = [:]
    for dimension in LayerDimension.allCases { selections[dimension] = kept(dimension, layer) }
    let failure = FirstError()
    workers.run(pieces.count) { index, _ in
      let (parameter, tensor, above, rows) = pieces[index]
      let target = UnsafeMutableBufferPointer(
        start: parameter.base + rows.lowerBound * parameter.columns, count: rows.count * parameter.columns)
      let selection = selections[parameter.spec.rows]
      do {
        try tensor.dequantize(
          rows: selection.map { .rows($0[rows].map { above + $0 }) }
            ?? .range(above + rows.lowerBound..<above + rows.upperBound),
          columns: parameter.spec.columns.flatMap { selections[$0] }, into: target)
      } catch { failure.keep(error) }
    }
    try failure.rethrow()
    if configuration.design.queryKeyNorm == .wholeWidth { keepNorms(layer, parameters) }
  }

  /// A norm over all queries divides by the number of elements. A cut leaves n′ of n elements, and must not change the
  /// result. With s = √(n′/n):
  ///
  ///     w q / √(Σq²/n + ε) = (w/s) (s q) / √(Σ(s q)²/n′ + ε)
  ///
  /// So the projection is multiplied by s, and the norm's weight by 1/s. The same holds for keys.
  private func keepNorms(_ layer: Int, _ parameters: LayerParameters) {
    let (whole, kept) = (configuration.layers[layer].keyValueHeads, parameters.sizes.keyValueHeads)
    guard kept < whole, kept > 0 else { return }
    let share = (Float(kept) / Float(whole)).squareRoot()
    for parameter in parameters.named {
      let factor: Float
      switch parameter.spec.role {
      case .query, .key: factor = share
      case .queryNorm, .keyNorm: factor = 1 / share
      default: continue
      }
      for index in 0..<parameter.rows * parameter.columns { parameter.base[index] *= factor }
    }
  }

  /// The rows or columns of the checkpoint that stay; nil if all do.
  private func kept(_ dimension: LayerDimension, _ layer: Int) -> [Int]? {
    let stored = configuration.sizes(layer)
    guard let (family, width) = units(of: dimension, layer) else { return nil }
    let kept = selected[layer].units(of: family)
    return kept.count * width == stored[dimension] ? nil : kept.lines(width: width)
  }

  /// The family that owns rows or columns of a layer, and how many each unit has; nil if none does.
  func units(of dimension: LayerDimension?, _ layer: Int) -> (family: Family, width: Int)? {
    guard let dimension, let owner = dimension.owner else { return nil }
    return configuration.sizes(layer).perUnit(dimension).map { (Family(owner), $0) }
  }

  /// The embeddings of tokens, [tokens, hidden]. In a sliced model, zeros follow the embedding's width.
  /// - Throws: `DecoderError.tokenOutOfRange`, `CheckpointError`.
  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) throws {
    try check(tokens: tokens)
    if isSliced { target.update(repeating: 0, count: tokens.count * hidden) }
    try checkpoint.tensor(named: "model.embed_tokens.weight").dequantize(
      rows: .rows(tokens.map(Int.init)),
      into: UnsafeMutableBufferPointer(start: target, count: tokens.count * hidden), rowStride: hidden)
    scaleEmbeddings(target, count: tokens.count * hidden)
  }

  func scaleEmbeddings(_ values: UnsafeMutablePointer<Float>, count: Int) {
    let scale = embeddingScale
    if scale != 1 { for index in 0..<count { values[index] *= scale } }
  }

  /// The factor of embeddings, and of their gradients.
  var embeddingScale: Float { Float(configuration.design.embeddingScale) }

  /// The matrix from hidden states to logits, [vocabulary, headWidth].
  func head() throws -> StoredTensor {
    try checkpoint.tensor(
      named: configuration.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight")
  }

  func finalNorm() throws -> Buffer {
    let norm = Buffer(hidden)
    if isSliced {
      norm.fill(1)
    } else {
      try checkpoint.tensor(named: "model.norm.weight").dequantize(into: norm.prefix(hidden))
    }
    return norm
  }
}

/// The first error of a parallel loop.
final class FirstError: @unchecked Sendable {
  private let lock = Mutex<Void>(())
  private var error: (any Error)?

  func keep(_ error: any Error) { lock.withLock { _ in self.error = self.error ?? error } }
  func rethrow() throws { if let error { throw error } }
}
