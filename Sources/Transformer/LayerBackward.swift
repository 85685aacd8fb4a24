import Checkpoints
import Kernels
import Tensors

/// Memory for the gradients of a layer's inside, for one block of tokens.
final class LayerGradientSpace {
  /// [tokens, 2 · intermediate]
  let gateUp: Buffer
  /// [tokens, intermediate]
  let activated: Buffer
  /// [tokens, queryWidth + 2 · keyValueWidth]
  let queryKeyValue: Buffer
  /// [tokens, queryWidth]
  let attended: Buffer
  /// [tokens, hidden]
  let normed: Buffer
  /// Partial sums of a norm's gradient: one row for each part that rows are cut into, [parts, hidden].
  let normParts: Buffer
  /// One matrix as large as the layer's largest: a single sequence's gradient.
  let single: Buffer

  static let rowsPerPart = 128

  init(roomFor layers: [LayerSizes], tokens: Int, singleSequences: Bool) {
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    gateUp = Buffer(tokens * most { 2 * $0.intermediate })
    activated = Buffer(tokens * most(\.intermediate))
    queryKeyValue = Buffer(tokens * most(\.queryKeyValueWidth))
    attended = Buffer(tokens * most(\.queryWidth))
    normed = Buffer(tokens * most(\.hidden))
    let parts = (tokens + LayerGradientSpace.rowsPerPart - 1) / LayerGradientSpace.rowsPerPart
    normParts = Buffer(parts * most { max($0.hidden, $0.headDimension) })
    single = Buffer(
      singleSequences
        ? most { $0.hidden * max($0.queryKeyValueWidth, 2 * $0.intermediate, $0.queryWidth) } : 1)
  }
}

/// What becomes of a layer's weight gradients.
struct GradientTarget {
  /// Σ over sequences of the sequence's part of the gradient; added to. Norms and biases always, projections as
  /// `matrices` says.
  let sum: LayerParameters
  let matrices: Matrices
  /// Who gathers the gradients at the output projections' outputs.
  var outputs: OutputGradientSums?

  enum Matrices {
    /// Nobody wants the projections' gradients.
    case none
    case sum
    /// The sum, and Σ over sequences of factor · (the sequence's part)², element by element; one factor each sequence.
    case sumAndSquares(LayerParameters, factors: [Float])
    /// The gradients of the adapters' own two matrices.
    case lowRank([LowRankAdapter])
  }
}

extension LayerPass {
  /// Takes the gradient through the layer, whose inside the forward pass has just filled.
  ///
  /// - Parameters:
  ///   - x: [tokens, hidden], the layer's input.
  ///   - d: [tokens, hidden], the gradient of its output, overwritten by that of its input.
  ///   - inputGradient: false leaves `d` unfinished, for the first layer when nobody asks for the embedding's gradient.
  func backward(
    _ x: Rows, _ d: Rows, _ block: SequenceBlock, into target: GradientTarget, _ space: LayerGradientSpace,
    inputGradient: Bool
  ) {
    if sizes.hasMLP { backwardMLP(d, block, target, space) }
    if sizes.hasAttention { backwardAttention(x, d, block, target, space, inputGradient: inputGradient) }
  }

  /// The residual connection passes `d` on as it is; what comes through the MLP is added to it.
  private func backwardMLP(
    _ d: Rows, _ block: SequenceBlock, _ target: GradientTarget, _ space: LayerGradientSpace
  ) {
    let s = sizes
    let tokens = block.tokens
    let (h, i) = (s.hidden, s.intermediate)

    // y = m + down · a
    target.outputs?.addMLP(d)
    weightGradient(
      d, Rows(inside.activated.base, stride: i), .down, outputs: h, inputs: i, block, target, space)
    if s.biases.down { biasGradient(d, target.sum.bias(.down), tokens, width: h) }
    workers.multiply(
      d, .plain, Rows(weights.weight(.down).base, stride: i), .plain,
      into: Rows(space.activated.base, stride: i),
      m: tokens, n: i, k: h)

    // a = silu(gate) ∘ up
    workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
      ap_swiglu_backward(
        inside.gateUp + rows.lowerBound * 2 * i, space.activated.base + rows.lowerBound * i,
        Int64(rows.count),
        Int64(i), space.gateUp.base + rows.lowerBound * 2 * i)
    }
    let dGateUp = Rows(space.gateUp.base, stride: 2 * i)
    weightGradient(
      dGateUp, Rows(inside.normedMiddle.base, stride: h), .gateUp, outputs: 2 * i, inputs: h, block, target,
      space)
    if s.biases.gateUp { biasGradient(dGateUp, target.sum.bias(.gateUp), tokens, width: 2 * i) }
    let dNormed = Rows(space.normed.base, stride: h)
    workers.multiply(
      dGateUp, .plain, Rows(weights.weight(.gateUp).base, stride: h), .plain, into: dNormed, m: tokens, n: h,
      k: 2 * i)
    normGradient(
      Rows(inside.middle, stride: h), weights.weight(.mlpNorm), inside.inverseRMSMiddle, dNormed, into: d,
      target.sum.weight(.mlpNorm), tokens, space)
  }

  /// The same of the attention, whose input is the layer's.
  private func backwardAttention(
    _ x: Rows, _ d: Rows, _ block: SequenceBlock, _ target: GradientTarget, _ space: LayerGradientSpace,
    inputGradient: Bool
  ) {
    let s = sizes
    let tokens = block.tokens
    let h = s.hidden

    // m = x + output · attended
    target.outputs?.addAttention(d)
    weightGradient(
      d, Rows(inside.attended.base, stride: s.queryWidth), .attentionOutput, outputs: h, inputs: s.queryWidth,
      block,
      target, space)
    if s.biases.attentionOutput { biasGradient(d, target.sum.bias(.attentionOutput), tokens, width: h) }
    let dAttended = Rows(space.attended.base, stride: s.queryWidth)
    workers.multiply(
      d, .plain, Rows(weights.weight(.attentionOutput).base, stride: s.queryWidth), .plain, into: dAttended,
      m: tokens,
      n: s.queryWidth, k: h)
    workers.run(block.sequences.count * s.keyValueHeads) { part, worker in
      let rows = block.sequences[part / s.keyValueHeads]
      let index = part % s.keyValueHeads
      let (query, key, value) = group(index, row: rows.lowerBound, of: inside.queryKeyValue)
      let (dQuery, dKey, dValue) = group(index, row: rows.lowerBound, of: space.queryKeyValue.base)
      attention.backward(
        query: query, key: key, value: value,
        dOutput: dAttended.from(row: rows.lowerBound, column: index * s.repeats * s.headDimension),
        dQuery: dQuery, dKey: dKey, dValue: dValue, count: rows.count, scratch: inside.scratch[worker].base)
    }
    rotate(block, space.queryKeyValue.base, direction: -1)
    if s.design.queryKeyNorm != .none { queryKeyNormGradient(target.sum, tokens, space) }

    // q, k, v from the normed input
    let dQueryKeyValue = Rows(space.queryKeyValue.base, stride: s.queryKeyValueWidth)
    weightGradient(
      dQueryKeyValue, Rows(inside.normed.base, stride: h), .queryKeyValue, outputs: s.queryKeyValueWidth,
      inputs: h, block, target, space)
    if s.biases.queryKeyValue {
      biasGradient(dQueryKeyValue, target.sum.bias(.queryKeyValue), tokens, width: s.queryKeyValueWidth)
    }
    guard inputGradient else { return }
    let dNormed = Rows(space.normed.base, stride: h)
    workers.multiply(
      dQueryKeyValue, .plain, Rows(weights.weight(.queryKeyValue).base, stride: h), .plain, into: dNormed,
      m: tokens,
      n: h, k: s.queryKeyValueWidth)
    normGradient(
      x, weights.weight(.attentionNorm), inside.inverseRMS, dNormed, into: d,
      target.sum.weight(.attentionNorm), tokens, space)
  }

  /// dW = dYᵀ X: for all tokens at once, or sequence by sequence where squares are wanted.
  private func weightGradient(
    _ dy: Rows, _ x: Rows, _ slot: ParameterSlot, outputs: Int, inputs: Int,
    _ block: SequenceBlock, _ target: GradientTarget, _ space: LayerGradientSpace
  ) {
    switch target.matrices {
    case .none: break
    case .sum:
      workers.multiply(
        dy, .transposed, x, .plain, into: Rows(target.sum.weight(slot).base, stride: inputs), m: outputs,
        n: inputs, k: block.tokens, beta: 1)
    case .sumAndSquares(let squares, let factors):
      for (rows, factor) in zip(block.sequences, factors) {
        workers.multiply(
          dy.from(row: rows.lowerBound), .transposed, x.from(row: rows.lowerBound), .plain,
          into: Rows(space.single.base, stride: inputs), m: outputs, n: inputs, k: rows.count)
        workers.ranges(outputs * inputs, grain: 1 << 16) { range, _ in
          let gradient = space.single.base + range.lowerBound
          ap_add_scaled(
            gradient, Int64(range.count), 1, target.sum.weight(slot).base + range.lowerBound)
          ap_add_scaled_square(
            gradient, Int64(range.count), factor, squares.weight(slot).base + range.lowerBound)
        }
      }
    case .lowRank(let adapters):
      for adapter in adapters where adapter.slot == slot { adapterGradient(dy, x, adapter, block.tokens) }
    }
  }

  /// With Y = X (W + s·BA)ᵀ: dB = s·dYᵀ (X Aᵀ), dA = s·(dY B)ᵀ X, so that dW itself is never made.
  private func adapterGradient(_ dy: Rows, _ x: Rows, _ adapter: LowRankAdapter, _ tokens: Int) {
    let rank = adapter.rank
    let dy = dy.from(row: 0, column: adapter.firstRow)
    let small = Buffer(tokens * rank)
    let projected = Rows(small.base, stride: rank)
    workers.multiply(
      x, .plain, Rows(adapter.a.base, stride: adapter.columns), .transposed, into: projected, m: tokens,
      n: rank, k: adapter.columns)
    workers.multiply(
      dy, .transposed, projected, .plain, into: Rows(adapter.dB.base, stride: rank), m: adapter.rows, n: rank,
      k: tokens, alpha: adapter.scale, beta: 1)
    workers.multiply(
      dy, .plain, Rows(adapter.b.base, stride: rank), .plain, into: projected, m: tokens, n: rank,
      k: adapter.rows)
    workers.multiply(
      projected, .transposed, x, .plain, into: Rows(adapter.dA.base, stride: adapter.columns), m: rank,
      n: adapter.columns, k: tokens, alpha: adapter.scale, beta: 1)
  }

  private func biasGradient(_ dy: Rows, _ sums: Buffer, _ tokens: Int, width: Int) {
    workers.ranges(width, grain: 256) { columns, _ in
      ap_column_sums(
        dy.from(row: 0, column: columns.lowerBound).base, Int64(tokens), Int64(columns.count),
        Int64(dy.stride),
        sums.base + columns.lowerBound)
    }
  }

  /// Adds the gradient through a norm to `dx`. Parts of the rows sum the weight's gradient apart and are joined in
  /// order, so that the sum does not depend on which thread was quicker.
  private func normGradient(
    _ x: Rows, _ weight: Buffer, _ inverseRMS: Buffer, _ dy: Rows, into dx: Rows, _ dWeight: Buffer,
    _ tokens: Int, _ space: LayerGradientSpace
  ) {
    let width = sizes.hidden
    overParts(tokens, width: width, into: dWeight.base, space) { rows, sums in
      ap_rms_norm_backward(
        x.from(row: rows.lowerBound).base, weight.base, inverseRMS.base + rows.lowerBound,
        dy.from(row: rows.lowerBound).base, Int64(rows.count), Int64(width), Int64(x.stride),
        Int64(dy.stride),
        Int64(dx.stride), dx.from(row: rows.lowerBound).base, sums)
    }
  }

  /// Qwen3's norms of queries and keys: in place on their gradients.
  private func queryKeyNormGradient(_ sum: LayerParameters, _ tokens: Int, _ space: LayerGradientSpace) {
    let s = sizes
    let d = s.headDimension
    func heads(
      _ count: Int, column: Int, firstHead: Int, _ weight: Buffer, _ dWeight: Buffer
    ) {
      overParts(tokens, width: d, into: dWeight.base, space) { rows, sums in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count * d) { result in
          guard let result = result.baseAddress else { return }
          for row in rows {
            let dy = space.queryKeyValue.base + row * s.queryKeyValueWidth + column
            result.update(repeating: 0, count: count * d)
            ap_rms_norm_backward(
              inside.rawQueryKey.base + row * (s.queryWidth + s.keyValueWidth) + column, weight.base,
              inside.inverseRMSQueryKey.base + row * (s.queryHeads + s.keyValueHeads) + firstHead, dy,
              Int64(count), Int64(d), Int64(d), Int64(d), Int64(d), result, sums)
            dy.update(from: result, count: count * d)
          }
        }
      }
    }
    heads(s.queryHeads, column: 0, firstHead: 0, weights.weight(.queryNorm), sum.weight(.queryNorm))
    heads(
      s.keyValueHeads, column: s.queryWidth, firstHead: s.queryHeads, weights.weight(.keyNorm),
      sum.weight(.keyNorm))
  }

  private func overParts(
    _ tokens: Int, width: Int, into total: UnsafeMutablePointer<Float>, _ space: LayerGradientSpace,
    _ body: (_ rows: Range<Int>, _ sums: UnsafeMutablePointer<Float>) -> Void
  ) {
    let grain = LayerGradientSpace.rowsPerPart
    workers.ranges(tokens, grain: grain) { rows, _ in
      let sums = space.normParts.base + rows.lowerBound / grain * width
      sums.update(repeating: 0, count: width)
      body(rows, sums)
    }
    for part in 0..<(tokens + grain - 1) / grain {
      ap_add_scaled(space.normParts.base + part * width, Int64(width), 1, total)
    }
  }
}
