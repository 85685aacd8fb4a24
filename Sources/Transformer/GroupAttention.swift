import Kernels
import Tensors

/// Causal attention of the query heads of one KV group over one sequence.
///
/// Scores exist for `blockRows` queries at a time, so there is no [heads, length, length] tensor. The backward pass computes
/// the probabilities again from queries and keys.
struct GroupAttention {
  /// Query heads in the group.
  let heads: Int
  let headDimension: Int
  /// Positions that a query sees, its own included; 0 for all.
  let window: Int
  /// The factor of scores.
  let scale: Float
  /// The cap of scaled scores; nil for none.
  let cap: Float?

  /// Queries whose scores exist at a time.
  static let blockRows = 128

  /// Floats of a worker's scratch, for sequences of up to `length` keys.
  static func scratchCount(length: Int, isCapped: Bool) -> Int { (isCapped ? 3 : 2) * blockRows * length }

  /// The keys that some query of the block sees.
  private func keys(queries: Range<Int>, position: Int) -> Range<Int> {
    let first = window > 0 ? max(0, position + queries.lowerBound - window + 1) : 0
    return first..<position + queries.upperBound
  }

  private func blocks(_ count: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: GroupAttention.blockRows).map {
      $0..<min(count, $0 + GroupAttention.blockRows)
    }
  }

  /// Makes softmax(scale · Q Kᵀ), or softmax(cap · tanh(scale · Q Kᵀ / cap)), of a block in `scores` [queries, keys].
  ///
  /// - Parameter capped: [queries, keys]: keeps the capped scores; nil if nobody needs them.
  private func probabilities(
    _ query: Rows, _ key: Rows, queries: Range<Int>, keys: Range<Int>, position: Int, into scores: Rows,
    capped: UnsafeMutablePointer<Float>? = nil
  ) {
    multiply(
      query.from(row: queries.lowerBound), .plain, key.from(row: keys.lowerBound), .transposed, into: scores,
      m: queries.count, n: keys.count, k: headDimension)
    if let cap {
      ap_soft_cap(scores.base, Int64(queries.count * keys.count), scale, cap)
      capped?.update(from: scores.base, count: queries.count * keys.count)
    }
    ap_causal_softmax(
      scores.base, Int64(queries.count), Int64(keys.count), Int64(scores.stride),
      Int64(position + queries.lowerBound - keys.lowerBound), Int64(window), cap == nil ? scale : 1)
  }

  /// - Parameters:
  ///   - query: [count, heads · headDimension], from `position` on.
  ///   - key, value: [position + count, headDimension], from position 0 on.
  ///   - output: [count, heads · headDimension].
  ///   - scratch: [scratchCount(length: position + count)]
  func forward(
    query: Rows, key: Rows, value: Rows, output: Rows, count: Int, position: Int,
    scratch: UnsafeMutablePointer<Float>
  ) {
    for queries in blocks(count) {
      let keys = keys(queries: queries, position: position)
      let scores = Rows(scratch, stride: keys.count)
      for head in 0..<heads {
        let column = head * headDimension
        probabilities(
          query.from(row: 0, column: column), key, queries: queries, keys: keys, position: position,
          into: scores)
        multiply(
          scores, .plain, value.from(row: keys.lowerBound), .plain,
          into: output.from(row: queries.lowerBound, column: column), m: queries.count, n: headDimension,
          k: keys.count)
      }
    }
  }

  /// Gradients of a whole sequence from that of the output. dKey and dValue are overwritten.
  ///
  /// With P the probabilities and dP = dO Vᵀ: dV = Pᵀ dO, dS = scale · P ∘ (dP − rowsum(P ∘ dP)), dQ = dS K, dK = dSᵀ Q.
  /// A cap multiplies dS by 1 − (capped score / cap)².
  func backward(
    query: Rows, key: Rows, value: Rows, dOutput: Rows, dQuery: Rows, dKey: Rows, dValue: Rows, count: Int,
    scratch: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<count {
      dKey.from(row: row).base.update(repeating: 0, count: headDimension)
      dValue.from(row: row).base.update(repeating: 0, count: headDimension)
    }
    for queries in blocks(count) {
      let keys = keys(queries: queries, position: 0)
      let scores = Rows(scratch, stride: keys.count)
      let dScores = Rows(scratch + GroupAttention.blockRows * keys.count, stride: keys.count)
      let capped = cap == nil ? nil : scratch + 2 * GroupAttention.blockRows * keys.count
      let keyBlock = key.from(row: keys.lowerBound)
      let valueBlock = value.from(row: keys.lowerBound)
      for head in 0..<heads {
        let column = head * headDimension
        let queryBlock = query.from(row: queries.lowerBound, column: column)
        let dOutputBlock = dOutput.from(row: queries.lowerBound, column: column)
        probabilities(
          query.from(row: 0, column: column), key, queries: queries, keys: keys, position: 0, into: scores,
          capped: capped)
        multiply(
          scores, .transposed, dOutputBlock, .plain, into: dValue.from(row: keys.lowerBound), m: keys.count,
          n: headDimension, k: queries.count, beta: 1)
        multiply(
          dOutputBlock, .plain, valueBlock, .transposed, into: dScores, m: queries.count, n: keys.count,
          k: headDimension)
        ap_softmax_backward(
          scores.base, dScores.base, Int64(queries.count), Int64(keys.count), Int64(keys.count),
          cap == nil ? scale : 1)
        if let cap, let capped {
          ap_soft_cap_backward(capped, dScores.base, Int64(queries.count * keys.count), scale, cap)
        }
        multiply(
          dScores, .plain, keyBlock, .plain, into: dQuery.from(row: queries.lowerBound, column: column),
          m: queries.count, n: headDimension, k: keys.count)
        multiply(
          dScores, .transposed, queryBlock, .plain, into: dKey.from(row: keys.lowerBound), m: keys.count,
          n: headDimension, k: queries.count, beta: 1)
      }
    }
  }
}
