import Checkpoints
import Kernels
import Tensors

extension DecoderDesign {
  /// The factors of a norm with the stored weight w: w or 1 + w.
  func factors(_ weight: Buffer) -> Buffer {
    guard normWeight == .onePlus else { return weight }
    let factors = Buffer(weight.count)
    for index in 0..<weight.count { factors.base[index] = 1 + weight.base[index] }
    return factors
  }
}

/// The RMS norm (Zhang and Sennrich, arXiv 1910.07467), y = x / √(mean(x²) + ε) ∘ w, or ∘ (1 + w), forward and
/// backward.
extension LayerContext {
  /// - Parameters:
  ///   - x, y: [tokens, hidden]
  ///   - weight: [hidden]
  ///   - inverseRMS: [tokens], for the backward pass.
  func normalise(_ x: Rows, _ weight: Buffer, _ tokens: Int, into y: Buffer, _ inverseRMS: Buffer) {
    let hidden = sizes.hidden
    let weight = sizes.design.factors(weight)
    workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      ap_rms_norm(
        x.from(row: rows.lowerBound).base, weight.base, normEpsilon, Int64(rows.count), Int64(hidden),
        Int64(x.stride), Int64(hidden), y.base + rows.lowerBound * hidden, inverseRMS.base + rows.lowerBound)
    }
  }

  /// Adds the gradient through a norm to `dx`, [tokens, width], and that of its weight to `dWeight`, [width].
  func normGradient(
    _ x: Rows, _ weight: Buffer, _ inverseRMS: Buffer, _ dy: Rows, into dx: Rows, _ dWeight: Buffer,
    _ tokens: Int, width: Int, _ space: GradientSpace
  ) {
    let weight = sizes.design.factors(weight)
    overParts(tokens, width: width, into: dWeight.base, space) { rows, sums in
      ap_rms_norm_backward(
        x.from(row: rows.lowerBound).base, weight.base, inverseRMS.base + rows.lowerBound,
        dy.from(row: rows.lowerBound).base, Int64(rows.count), Int64(width), Int64(x.stride),
        Int64(dy.stride), Int64(dx.stride), dx.from(row: rows.lowerBound).base, sums)
    }
  }

  /// Sums a weight's gradient, [width], over parts of the rows, and adds the parts in their order. So the sum does not depend on
  /// the speed of threads.
  func overParts(
    _ tokens: Int, width: Int, into total: UnsafeMutablePointer<Float>, _ space: GradientSpace,
    _ body: (_ rows: Range<Int>, _ sums: UnsafeMutablePointer<Float>) -> Void
  ) {
    let grain = GradientSpace.rowsPerPart
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
