import Checkpoints
import Kernels
import Tensors

/// Causal self-attention with grouped queries (Ainslie et al., arXiv 2305.13245):
///
///     p = [q k v]
///     a = softmax(scale · q kᵀ) v
///
/// Some models normalise q and k (Qwen3). Most rotate them (RoFormer, arXiv 2104.09864). The query heads of a group share keys
/// and values. `GroupAttention` computes one KV group over one sequence.
struct SelfAttention: Sublayer {
  static let kind = ParameterSpec.Sublayer.attention
  static let slots = SublayerSlots(
    norm: .attentionNorm, shortcut: .attentionShortcut, input: .queryKeyValue, output: .attentionOutput,
    outputNorm: .attentionOutputNorm)
  static let units = LayerDimension.queryHeads

  let layer: LayerContext
  var activations: SublayerActivations { layer.activations.attention }

  private var group: GroupAttention {
    let design = sizes.design
    return GroupAttention(
      heads: sizes.repeats, headDimension: sizes.headDimension, window: sizes.shape.slidingWindow ?? 0,
      scale: design.attentionScale.map { Float($0) } ?? 1 / Float(sizes.headDimension).squareRoot(),
      cap: design.attentionSoftCap.map { Float($0) })
  }

  // MARK: - Forward

  func finishProducts(_ block: SequenceBlock) {
    normaliseQueriesAndKeys(block.tokens)
    rotate(block, activations.products, direction: 1)
  }

  func forwardCore(_ block: SequenceBlock) {
    let s = sizes
    let (group, queryKeyValue) = (group, activations.products)
    layer.workers.run(block.sequences.count * s.keyValueHeads) { part, worker in
      let rows = block.sequences[part / s.keyValueHeads]
      let index = part % s.keyValueHeads
      let (query, key, value) = heads(of: index, row: rows.lowerBound, in: queryKeyValue)
      group.forward(
        query: query, key: key, value: value,
        output: inputs.from(row: rows.lowerBound, column: index * s.repeats * s.headDimension),
        count: rows.count, position: 0, scratch: layer.activations.scratch[worker].base)
    }
  }

  /// `forwardInputs` that continues a sequence with `count` tokens from `position` on. Their keys and values join those before.
  ///
  /// - Parameters:
  ///   - x: [count, hidden]
  ///   - keys, values: [capacity, keyValueWidth], filled up to `position`
  func forwardInputs(from x: Rows, count: Int, position: Int, keys: Buffer, values: Buffer) {
    let s = sizes
    normalise(x, count)
    project(count)
    normaliseQueriesAndKeys(count)
    rotate(rows: 0..<count, position: position, length: position + count, activations.products, direction: 1)
    for row in 0..<count {
      let own = activations.products + row * s.queryKeyValueWidth + s.queryWidth
      let place = (position + row) * s.keyValueWidth
      keys.at(place).update(from: own, count: s.keyValueWidth)
      values.at(place).update(from: own + s.keyValueWidth, count: s.keyValueWidth)
    }
    let group = group
    layer.workers.run(s.keyValueHeads) { index, worker in
      let column = index * s.repeats * s.headDimension
      group.forward(
        query: Rows(activations.products, stride: s.queryKeyValueWidth).from(row: 0, column: column),
        key: keys.rows(s.keyValueWidth, from: index * s.headDimension),
        value: values.rows(s.keyValueWidth, from: index * s.headDimension),
        output: inputs.from(row: 0, column: column), count: count, position: position,
        scratch: layer.activations.scratch[worker].base)
    }
  }

  /// An RMS norm over the elements of each head, with one weight for all query heads and one for all key heads; or over all
  /// heads together.
  private func normaliseQueriesAndKeys(_ tokens: Int) {
    let s = sizes
    guard s.design.queryKeyNorm != .none else { return }
    let rawWidth = s.queryWidth + s.keyValueWidth
    let heads = s.queryHeads + s.keyValueHeads
    let activations = layer.activations
    let queryNorm = s.design.factors(layer.weights.weight(.queryNorm))
    let keyNorm = s.design.factors(layer.weights.weight(.keyNorm))
    layer.workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      for row in rows {
        let raw = activations.rawQueryKey.base + row * rawWidth
        let target = activations.attention.products + row * s.queryKeyValueWidth
        let inverse = activations.inverseRMSQueryKey.base + row * heads
        raw.update(from: target, count: rawWidth)
        normalise(raw, queryNorm, s.queryNorm, into: target, inverse)
        normalise(raw + s.queryWidth, keyNorm, s.keyNorm, into: target + s.queryWidth, inverse + s.queryHeads)
      }
    }
  }

  private func normalise(
    _ raw: UnsafeMutablePointer<Float>, _ weight: Buffer, _ parts: (width: Int, count: Int),
    into y: UnsafeMutablePointer<Float>, _ inverse: UnsafeMutablePointer<Float>
  ) {
    let d = Int64(parts.width)
    ap_rms_norm(raw, weight.base, layer.normEpsilon, Int64(parts.count), d, d, d, y, inverse)
  }

  /// Queries and keys are side by side, so one call rotates both. Direction −1 rotates back, which is the gradient.
  private func rotate(
    _ block: SequenceBlock, _ queryKeyValue: UnsafeMutablePointer<Float>, direction: Float
  ) {
    layer.workers.run(block.sequences.count) { index, _ in
      let rows = block.sequences[index]
      rotate(rows: rows, position: 0, length: rows.count, queryKeyValue, direction: direction)
    }
  }

  /// - Parameters:
  ///   - position: the first row's position in its sequence.
  ///   - length: the tokens of the sequence.
  private func rotate(
    rows: Range<Int>, position: Int, length: Int, _ queryKeyValue: UnsafeMutablePointer<Float>,
    direction: Float
  ) {
    guard let rotary = layer.rotation?.table(length: length) else { return }
    let s = sizes
    let first = queryKeyValue + rows.lowerBound * s.queryKeyValueWidth
    let (cosine, sine) = (rotary.cosine.at(position * rotary.half), rotary.sine.at(position * rotary.half))
    let heads = s.queryHeads + s.keyValueHeads
    // The kernel rotates neighbouring heads. Heads that are rotated in part have gaps between them.
    let isWhole = 2 * rotary.half == s.headDimension
    for head in 0..<(isWhole ? 1 : heads) {
      ap_rope(
        first + head * s.headDimension, Int64(rows.count), Int64(s.queryKeyValueWidth),
        Int64(isWhole ? heads : 1), Int64(2 * rotary.half), cosine, sine, direction)
    }
  }

  /// The queries, keys and values of one group in one sequence, or their gradients.
  private func heads(of group: Int, row: Int, in queryKeyValue: UnsafeMutablePointer<Float>) -> (
    query: Rows, key: Rows, value: Rows
  ) {
    let s = sizes
    let all = Rows(queryKeyValue, stride: s.queryKeyValueWidth)
    return (
      all.from(row: row, column: group * s.repeats * s.headDimension),
      all.from(row: row, column: s.queryWidth + group * s.headDimension),
      all.from(row: row, column: s.queryWidth + s.keyValueWidth + group * s.headDimension)
    )
  }

  // MARK: - Backward

  func backwardCore(_ block: SequenceBlock, _ sums: LayerParameters, _ space: GradientSpace) {
    let s = sizes
    let (group, queryKeyValue) = (group, activations.products)
    // [tokens, queryWidth] and [tokens, queryKeyValueWidth]
    let dAttended = space.attention.inputs.rows(s.queryWidth)
    let dQueryKeyValue = space.attention.products.base
    layer.workers.run(block.sequences.count * s.keyValueHeads) { part, worker in
      let rows = block.sequences[part / s.keyValueHeads]
      let index = part % s.keyValueHeads
      let (query, key, value) = heads(of: index, row: rows.lowerBound, in: queryKeyValue)
      let (dQuery, dKey, dValue) = heads(of: index, row: rows.lowerBound, in: dQueryKeyValue)
      group.backward(
        query: query, key: key, value: value,
        dOutput: dAttended.from(row: rows.lowerBound, column: index * s.repeats * s.headDimension),
        dQuery: dQuery, dKey: dKey, dValue: dValue, count: rows.count,
        scratch: layer.activations.scratch[worker].base)
    }
    rotate(block, dQueryKeyValue, direction: -1)
    if s.design.queryKeyNorm != .none { queryKeyNormGradient(sums, block.tokens, space) }
  }

  /// Works in place on the gradients of queries and keys.
  private func queryKeyNormGradient(_ sums: LayerParameters, _ tokens: Int, _ space: GradientSpace) {
    let s = sizes
    let activations = layer.activations
    func heads(_ parts: (width: Int, count: Int), column: Int, firstHead: Int, _ slot: ParameterSlot) {
      let (d, count) = parts
      let weight = s.design.factors(layer.weights.weight(slot))
      layer.overParts(tokens, width: d, into: sums.weight(slot).base, space) { rows, sums in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: count * d) { result in
          guard let result = result.baseAddress else { return }
          for row in rows {
            let dy = space.attention.products.base + row * s.queryKeyValueWidth + column
            result.update(repeating: 0, count: count * d)
            ap_rms_norm_backward(
              activations.rawQueryKey.base + row * (s.queryWidth + s.keyValueWidth) + column, weight.base,
              activations.inverseRMSQueryKey.base + row * (s.queryHeads + s.keyValueHeads) + firstHead, dy,
              Int64(count), Int64(d), Int64(d), Int64(d), Int64(d), result, sums)
            dy.update(from: result, count: count * d)
          }
        }
      }
    }
    heads(s.queryNorm, column: 0, firstHead: 0, .queryNorm)
    heads(s.keyNorm, column: s.queryWidth, firstHead: s.queryHeads, .keyNorm)
  }
}

extension LayerSizes {
  /// Elements of the weight of the norm of queries, and of keys; and how many such parts a token has.
  var queryNorm: (width: Int, count: Int) { norm(heads: queryHeads) }
  var keyNorm: (width: Int, count: Int) { norm(heads: keyValueHeads) }

  private func norm(heads: Int) -> (width: Int, count: Int) {
    switch design.queryKeyNorm {
    case .none: (0, 0)
    case .perHead: (headDimension, heads)
    case .wholeWidth: (heads * headDimension, 1)
    }
  }
}
