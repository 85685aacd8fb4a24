import Checkpoints
import Kernels
import Tensors

/// A linear map with W [outputs, inputs] in a slot of the layer's parameters, forward and backward:
///
///     Y = X Wᵀ + b,   dW = dYᵀ X,   db = column sums of dY
extension LayerContext {
  /// Y (+)= X Wᵀ + b
  ///
  /// - Parameters:
  ///   - x: [tokens, from]
  ///   - y: [tokens, to]
  func project(
    _ x: Rows, _ slot: ParameterSlot, into y: Rows, tokens: Int, from: Int, to: Int, bias: Bool,
    accumulate: Bool = false
  ) {
    workers.multiply(
      x, .plain, weights.weight(slot).rows(from), .transposed, into: y, m: tokens, n: to, k: from,
      beta: accumulate ? 1 : 0)
    guard bias else { return }
    let bias = weights.bias(slot)
    workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      ap_add_bias(y.from(row: rows.lowerBound).base, bias.base, Int64(rows.count), Int64(to), Int64(y.stride))
    }
  }

  /// Adds dW = dYᵀ X: for all tokens at once, or by sequence where squares are wanted.
  ///
  /// - Parameters:
  ///   - dy: [tokens, outputs]
  ///   - x: [tokens, inputs]
  func weightGradient(
    _ dy: Rows, _ x: Rows, _ slot: ParameterSlot, outputs: Int, inputs: Int, _ block: SequenceBlock,
    _ target: GradientTarget, _ space: GradientSpace
  ) {
    switch target.matrices {
    case .none: break
    case .sum:
      workers.multiply(
        dy, .transposed, x, .plain, into: target.sum.weight(slot).rows(inputs), m: outputs, n: inputs,
        k: block.tokens, beta: 1)
    case .sumAndSquares(let squares, let factors):
      let (sum, squares) = (target.sum.weight(slot), squares.weight(slot))
      for (rows, factor) in zip(block.sequences, factors) {
        workers.multiply(
          dy.from(row: rows.lowerBound), .transposed, x.from(row: rows.lowerBound), .plain,
          into: space.single.rows(inputs), m: outputs, n: inputs, k: rows.count)
        workers.ranges(outputs * inputs, grain: 1 << 16) { range, _ in
          let gradient = space.single.base + range.lowerBound
          ap_add_scaled(gradient, Int64(range.count), 1, sum.base + range.lowerBound)
          ap_add_scaled_square(gradient, Int64(range.count), factor, squares.base + range.lowerBound)
        }
      }
    case .lowRank(let adapters):
      for adapter in adapters where adapter.slot == slot { adapterGradient(dy, x, adapter, block.tokens) }
    }
  }

  /// With Y = X (W + s·BA)ᵀ: dB = s·dYᵀ (X Aᵀ), dA = s·(dY B)ᵀ X. dW is never made.
  private func adapterGradient(_ dy: Rows, _ x: Rows, _ adapter: LowRankAdapter, _ tokens: Int) {
    let rank = adapter.rank
    let dy = dy.from(row: 0, column: adapter.firstRow)
    let small = Buffer(tokens * rank)
    let projected = small.rows(rank)
    workers.multiply(
      x, .plain, adapter.a.rows(adapter.columns), .transposed, into: projected, m: tokens, n: rank,
      k: adapter.columns)
    workers.multiply(
      dy, .transposed, projected, .plain, into: adapter.dB.rows(rank), m: adapter.rows, n: rank, k: tokens,
      alpha: adapter.scale, beta: 1)
    workers.multiply(
      dy, .plain, adapter.b.rows(rank), .plain, into: projected, m: tokens, n: rank, k: adapter.rows)
    workers.multiply(
      projected, .transposed, x, .plain, into: adapter.dA.rows(adapter.columns), m: rank, n: adapter.columns,
      k: tokens, alpha: adapter.scale, beta: 1)
  }

  func biasGradient(_ dy: Rows, _ sums: Buffer, _ tokens: Int, width: Int) {
    workers.ranges(width, grain: 256) { columns, _ in
      ap_column_sums(
        dy.from(row: 0, column: columns.lowerBound).base, Int64(tokens), Int64(columns.count),
        Int64(dy.stride), sums.base + columns.lowerBound)
    }
  }
}
