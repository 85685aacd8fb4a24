import Checkpoints
import Kernels
import Tensors

/// The arithmetic of one pre-norm decoder layer of the Llama family:
///
///     m = x + O · attention(rope(Q n), rope(K n), V n),  n = rmsnorm(x)
///     y = m + D · (silu(G k) ∘ U k),                      k = rmsnorm(m)
///
/// A layer whose attention was removed has m = x, one whose MLP was removed y = m.
///
/// In a sliced model the stream changes its basis beside each sublayer, m = x Q + …, y = m Q' + …, and may become narrower or
/// wider there. Rows keep the stride `hidden`, with zeros behind the stream's width, so that a norm's mean is over
/// `hidden` whatever the width, as it was in the model before.
///
/// Forward here, backward in `LayerBackward.swift`. Both work on a block of tokens; the order of sums depends on sizes
/// and thread count alone.
struct LayerPass {
  let weights: LayerParameters
  let inside: LayerInside
  let rotary: RotaryTables
  let normEpsilon: Float
  let workers: Workers

  var sizes: LayerSizes { weights.sizes }

  /// Rows that one thread takes at a time in element-wise work.
  static let grain = 32

  /// How far a forward pass goes.
  enum Extent {
    /// To the output.
    case output(Rows)
    /// As far as the backward pass needs; `productsKept`: queries, keys, values, `middle`, gates and ups are there
    /// already and what follows from them is recomputed.
    case inside(productsKept: Bool)
  }

  /// - Parameter x: [tokens, hidden], the layer's input; the output may lie in its place.
  func forward(_ x: Rows, _ block: SequenceBlock, _ extent: Extent) {
    let tokens = block.tokens
    var productsKept = false
    if case .inside(true) = extent { productsKept = true }

    attend(from: x, block, productsKept: productsKept)
    if !productsKept { addAttention(to: x, tokens) }
    activateMiddle(tokens, productsKept: productsKept)
    if case .output(let y) = extent { addMLP(to: y, tokens) }
  }

  /// Continues a sequence: `count` tokens from `position` on, whose keys and values join those of the tokens before.
  ///
  /// - Parameters:
  ///   - x, output: [count, hidden]
  ///   - keys, values: [capacity, keyValueWidth], filled up to `position`
  func forward(
    _ x: Rows, count: Int, position: Int, keys: Buffer, values: Buffer, output: Rows
  ) {
    if sizes.hasAttention {
      normalise(x, weights.weight(.attentionNorm), count, into: inside.normed, inside.inverseRMS)
      projectQueriesKeysAndValues(count)
      rotate(rows: 0..<count, position: position, inside.queryKeyValue, direction: 1)
      attend(count: count, position: position, keys: keys, values: values)
    }
    addAttention(to: x, count)
    activateMiddle(count)
    addMLP(to: output, count)
  }

  // MARK: - Pieces

  /// As far as what attention answers, `attended`.
  func attend(from x: Rows, _ block: SequenceBlock, productsKept: Bool = false) {
    guard sizes.hasAttention else { return }
    normalise(x, weights.weight(.attentionNorm), block.tokens, into: inside.normed, inside.inverseRMS)
    if !productsKept {
      projectQueriesKeysAndValues(block.tokens)
      rotate(block, inside.queryKeyValue, direction: 1)
    }
    attend(block)
  }

  /// From `middle` as far as what the channels hand on, `activated`.
  func activateMiddle(_ tokens: Int, productsKept: Bool = false) {
    guard sizes.hasMLP else { return }
    normaliseMiddle(tokens)
    if !productsKept { projectGatesAndUps(tokens) }
    activate(tokens)
  }

  /// Attention of `count` tokens from `position` on, whose keys and values join those of the tokens before.
  private func attend(count: Int, position: Int, keys: Buffer, values: Buffer) {
    let s = sizes
    for row in 0..<count {
      let own = inside.queryKeyValue + row * s.queryKeyValueWidth + s.queryWidth
      let place = (position + row) * s.keyValueWidth
      keys.at(place).update(from: own, count: s.keyValueWidth)
      values.at(place).update(from: own + s.keyValueWidth, count: s.keyValueWidth)
    }
    workers.run(s.keyValueHeads) { group, worker in
      let column = group * s.repeats * s.headDimension
      attention.forward(
        query: Rows(inside.queryKeyValue, stride: s.queryKeyValueWidth).from(row: 0, column: column),
        key: Rows(keys.base, stride: s.keyValueWidth).from(row: 0, column: group * s.headDimension),
        value: Rows(values.base, stride: s.keyValueWidth).from(row: 0, column: group * s.headDimension),
        output: Rows(inside.attended.base, stride: s.queryWidth).from(row: 0, column: column), count: count,
        position: position, scratch: inside.scratch[worker].base)
    }
  }

  private func projectQueriesKeysAndValues(_ tokens: Int) {
    project(
      Rows(inside.normed.base, stride: sizes.hidden), weights.weight(.queryKeyValue).base,
      into: Rows(inside.queryKeyValue, stride: sizes.queryKeyValueWidth), tokens: tokens,
      from: sizes.inputWidth,
      to: sizes.queryKeyValueWidth, bias: sizes.biases.queryKeyValue ? weights.bias(.queryKeyValue) : nil)
    if sizes.design.queryKeyNorm != .none { normaliseQueriesAndKeys(tokens) }
  }

  /// middle = x + O · attended, or x where there is no attention.
  func addAttention(to x: Rows, _ tokens: Int) {
    let middle = Rows(inside.middle, stride: sizes.hidden)
    guard sizes.hasAttention else { return copy(x, to: middle, tokens) }
    passBy(
      x, weights.weight(.attentionShortcut), into: middle, tokens, from: sizes.inputWidth,
      to: sizes.middleWidth)
    project(
      Rows(inside.attended.base, stride: sizes.queryWidth), weights.weight(.attentionOutput).base,
      into: middle, tokens: tokens,
      from: sizes.queryWidth, to: sizes.middleWidth,
      bias: sizes.biases.attentionOutput ? weights.bias(.attentionOutput) : nil,
      accumulate: true)
  }

  private func normaliseMiddle(_ tokens: Int) {
    normalise(
      Rows(inside.middle, stride: sizes.hidden), weights.weight(.mlpNorm), tokens, into: inside.normedMiddle,
      inside.inverseRMSMiddle)
  }

  private func projectGatesAndUps(_ tokens: Int) {
    project(
      Rows(inside.normedMiddle.base, stride: sizes.hidden), weights.weight(.gateUp).base,
      into: Rows(inside.gateUp, stride: 2 * sizes.intermediate), tokens: tokens, from: sizes.middleWidth,
      to: 2 * sizes.intermediate, bias: sizes.biases.gateUp ? weights.bias(.gateUp) : nil)
  }

  private func activate(_ tokens: Int) {
    let width = sizes.intermediate
    workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
      ap_swiglu(
        inside.gateUp + rows.lowerBound * 2 * width, Int64(rows.count), Int64(width),
        inside.activated.base + rows.lowerBound * width)
    }
  }

  /// y = middle + D · activated, or middle where there is no MLP.
  func addMLP(to y: Rows, _ tokens: Int) {
    let middle = Rows(inside.middle, stride: sizes.hidden)
    guard sizes.hasMLP else { return copy(middle, to: y, tokens) }
    passBy(
      middle, weights.weight(.mlpShortcut), into: y, tokens, from: sizes.middleWidth, to: sizes.outputWidth)
    project(
      Rows(inside.activated.base, stride: sizes.intermediate), weights.weight(.down).base, into: y,
      tokens: tokens,
      from: sizes.intermediate, to: sizes.outputWidth, bias: sizes.biases.down ? weights.bias(.down) : nil,
      accumulate: true)
  }

  private func normalise(_ x: Rows, _ weight: Buffer, _ tokens: Int, into y: Buffer, _ inverseRMS: Buffer) {
    workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
      ap_rms_norm(
        x.from(row: rows.lowerBound).base, weight.base, normEpsilon, Int64(rows.count), Int64(sizes.hidden),
        Int64(x.stride), Int64(sizes.hidden), y.base + rows.lowerBound * sizes.hidden,
        inverseRMS.base + rows.lowerBound)
    }
  }

  /// y (+)= x Wᵀ + bias with W [to, from].
  private func project(
    _ x: Rows, _ weight: UnsafeMutablePointer<Float>, into y: Rows, tokens: Int, from: Int, to: Int,
    bias: Buffer?, accumulate: Bool = false
  ) {
    workers.multiply(
      x, .plain, Rows(weight, stride: from), .transposed, into: y, m: tokens, n: to, k: from,
      beta: accumulate ? 1 : 0)
    if let bias {
      workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
        ap_add_bias(
          y.from(row: rows.lowerBound).base, bias.base, Int64(rows.count), Int64(to), Int64(y.stride))
      }
    }
  }

  /// What goes by a sublayer: x itself, or in a sliced model x Q with Q [from, to], in the next basis.
  private func passBy(_ x: Rows, _ shortcut: Buffer, into y: Rows, _ tokens: Int, from: Int, to: Int) {
    guard sizes.sliced != nil else { return copy(x, to: y, tokens) }
    workers.multiply(x, .plain, Rows(shortcut.base, stride: to), .plain, into: y, m: tokens, n: to, k: from)
    let rest = sizes.hidden - to
    guard rest > 0 else { return }
    workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
      for row in rows { y.from(row: row, column: to).base.update(repeating: 0, count: rest) }
    }
  }

  func copy(_ from: Rows, to: Rows, _ tokens: Int) {
    workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
      for row in rows {
        to.from(row: row).base.update(from: from.from(row: row).base, count: sizes.hidden)
      }
    }
  }

  /// Qwen3: an RMS norm over each head's elements, one weight for all query heads, one for all key heads.
  private func normaliseQueriesAndKeys(_ tokens: Int) {
    let s = sizes
    let rawWidth = s.queryWidth + s.keyValueWidth
    let heads = s.queryHeads + s.keyValueHeads
    workers.ranges(tokens, grain: LayerPass.grain) { rows, _ in
      for row in rows {
        let raw = inside.rawQueryKey.base + row * rawWidth
        let target = inside.queryKeyValue + row * s.queryKeyValueWidth
        let inverse = inside.inverseRMSQueryKey.base + row * heads
        raw.update(from: target, count: rawWidth)
        normaliseHeads(raw, weights.weight(.queryNorm), s.queryHeads, into: target, inverse)
        normaliseHeads(
          raw + s.queryWidth, weights.weight(.keyNorm), s.keyValueHeads, into: target + s.queryWidth,
          inverse + s.queryHeads)
      }
    }
  }

  private func normaliseHeads(
    _ raw: UnsafeMutablePointer<Float>, _ weight: Buffer, _ heads: Int,
    into y: UnsafeMutablePointer<Float>, _ inverse: UnsafeMutablePointer<Float>
  ) {
    let d = Int64(sizes.headDimension)
    ap_rms_norm(raw, weight.base, normEpsilon, Int64(heads), d, d, d, y, inverse)
  }

  /// Queries and keys lie side by side, so one call turns both. Direction −1 undoes it, which is its gradient.
  func rotate(_ block: SequenceBlock, _ queryKeyValue: UnsafeMutablePointer<Float>, direction: Float) {
    workers.run(block.sequences.count) { index, _ in
      rotate(rows: block.sequences[index], position: 0, queryKeyValue, direction: direction)
    }
  }

  /// - Parameter position: of the first of these rows in its sequence.
  private func rotate(
    rows: Range<Int>, position: Int, _ queryKeyValue: UnsafeMutablePointer<Float>, direction: Float
  ) {
    let s = sizes
    let rotary = rotary[s.headDimension]
    ap_rope(
      queryKeyValue + rows.lowerBound * s.queryKeyValueWidth, Int64(rows.count), Int64(s.queryKeyValueWidth),
      Int64(s.queryHeads + s.keyValueHeads), Int64(s.headDimension), rotary.cosine.at(position * rotary.half),
      rotary.sine.at(position * rotary.half), direction)
  }

  var attention: Attention {
    Attention(
      heads: sizes.repeats, headDimension: sizes.headDimension, window: sizes.shape.slidingWindow ?? 0)
  }

  /// Queries, keys and values (or their gradients) of one group in one sequence.
  func group(_ group: Int, row: Int, of queryKeyValue: UnsafeMutablePointer<Float>) -> (
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

  private func attend(_ block: SequenceBlock) {
    let s = sizes
    workers.run(block.sequences.count * s.keyValueHeads) { part, worker in
      let rows = block.sequences[part / s.keyValueHeads]
      let index = part % s.keyValueHeads
      let (query, key, value) = group(index, row: rows.lowerBound, of: inside.queryKeyValue)
      attention.forward(
        query: query, key: key, value: value,
        output: Rows(inside.attended.base, stride: s.queryWidth)
          .from(row: rows.lowerBound, column: index * s.repeats * s.headDimension),
        count: rows.count, position: 0, scratch: inside.scratch[worker].base)
    }
  }
}
