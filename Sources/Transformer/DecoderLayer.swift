import Checkpoints
import Kernels
import Tensors

/// What the parts of a layer share while a pass is at it.
struct LayerContext {
  let weights: LayerParameters
  let activations: LayerActivations
  /// nil where queries and keys aren't rotated.
  let rotation: LayerRotation?
  let normEpsilon: Float
  let workers: Workers

  var sizes: LayerSizes { weights.sizes }

  /// Rows that one thread takes at a time in element-wise work.
  static let grain = 32

  func copy(_ from: Rows, to: Rows, _ tokens: Int) {
    guard from.base != to.base else { return }
    let hidden = sizes.hidden
    workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      for row in rows { to.from(row: row).base.update(from: from.from(row: row).base, count: hidden) }
    }
  }

  /// y += factor · x, of the first `width` columns; of all where nil.
  func add(_ x: Rows, to y: Rows, _ tokens: Int, width: Int? = nil, by factor: Float = 1) {
    let width = Int64(width ?? sizes.hidden)
    workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      for row in rows { ap_add_scaled(x.from(row: row).base, width, factor, y.from(row: row).base) }
    }
  }
}

/// One decoder layer, with x its input:
///
///     m = x + attention(x)
///     y = m + mlp(m)
///
/// A layer whose attention was removed has m = x, one whose MLP was removed y = m.
///
/// In a sliced model the stream changes its basis beside each sublayer (`ResidualRule`), and may become narrower or wider
/// there. Rows keep the stride `hidden`, with zeros behind the stream's width, so that a norm's mean is over `hidden`
/// whatever the width, as it was in the model before.
///
/// Passes work on a block of tokens; the order of sums depends on sizes and thread count alone.
struct DecoderLayer {
  let context: LayerContext
  let attention: SelfAttention
  let mlp: GatedMLP

  init(_ context: LayerContext) {
    self.context = context
    attention = SelfAttention(layer: context)
    mlp = GatedMLP(layer: context)
  }

  var sizes: LayerSizes { context.sizes }
  var weights: LayerParameters { context.weights }
  var activations: LayerActivations { context.activations }
  /// [tokens, hidden]: the residual stream between attention and MLP.
  var middle: Rows { Rows(activations.middle, stride: sizes.hidden) }

  /// Those that are there, in the order of the forward pass.
  var sublayers: [any Sublayer] {
    let all: [any Sublayer] = [attention, mlp]
    return all.filter(\.isPresent)
  }

  func residual(_ kind: ParameterSpec.Sublayer) -> ResidualRule { self[kind].residual }

  private subscript(kind: ParameterSpec.Sublayer) -> any Sublayer {
    kind == .attention ? attention : mlp
  }

  /// Takes the residual stream, [tokens, hidden], through one sublayer, or past it where it was removed; y may be x where
  /// the model is not sliced.
  func forward(_ kind: ParameterSpec.Sublayer, _ x: Rows, into y: Rows, _ block: SequenceBlock) {
    let sublayer = self[kind]
    if sublayer.isPresent { sublayer.forwardInputs(from: x, block) }
    add(sublayer, to: x, into: y, block.tokens)
  }

  /// How far a forward pass goes.
  enum Extent {
    /// To the output.
    case output(Rows)
    /// As far as the backward pass needs; `productsKept`: the products of both sublayers and `middle` are there already and
    /// what follows from them is recomputed.
    case activations(productsKept: Bool)
  }

  /// - Parameter x: [tokens, hidden], the layer's input; the output may lie in its place.
  func forward(_ x: Rows, _ block: SequenceBlock, _ extent: Extent) {
    var productsKept = false
    if case .activations(true) = extent { productsKept = true }
    if attention.isPresent { attention.forwardInputs(from: x, block, productsKept: productsKept) }
    if !productsKept {
      add(attention, to: x, into: middle, block.tokens)
    } else if attention.isPresent {
      attention.residual.prepareBackward(attention.inputs, block.tokens)
    }
    if mlp.isPresent { mlp.forwardInputs(from: middle, block, productsKept: productsKept) }
    if case .output(let y) = extent {
      add(mlp, to: middle, into: y, block.tokens)
    } else if mlp.isPresent {
      mlp.residual.prepareBackward(mlp.inputs, block.tokens)
    }
  }

  /// Continues a sequence: `count` tokens from `position` on, whose keys and values join those of the tokens before.
  ///
  /// - Parameters:
  ///   - x, output: [count, hidden]
  ///   - keys, values: [capacity, keyValueWidth], filled up to `position`
  func forward(
    _ x: Rows, count: Int, position: Int, keys: Buffer, values: Buffer, output: Rows
  ) {
    if attention.isPresent {
      attention.forwardInputs(from: x, count: count, position: position, keys: keys, values: values)
    }
    add(attention, to: x, into: middle, count)
    if mlp.isPresent { mlp.forwardInputs(from: middle, SequenceBlock(lengths: [count])) }
    add(mlp, to: middle, into: output, count)
  }

  private func add(_ sublayer: some Sublayer, to x: Rows, into y: Rows, _ tokens: Int) {
    if sublayer.isPresent {
      sublayer.addOutput(to: x, into: y, tokens)
    } else {
      context.copy(x, to: y, tokens)
    }
  }

  /// Takes the gradient through the layer, whose activations the forward pass has just filled.
  ///
  /// - Parameters:
  ///   - x: [tokens, hidden], the layer's input.
  ///   - d: [tokens, hidden], the gradient of its output, overwritten by that of its input.
  ///   - inputGradient: false leaves `d` unfinished, for the first layer when nobody asks for the embedding's gradient.
  func backward(
    _ x: Rows, _ d: Rows, _ block: SequenceBlock, into target: GradientTarget, _ space: GradientSpace,
    inputGradient: Bool
  ) {
    if mlp.isPresent { mlp.backward(middle, d, block, into: target, space, inputGradient: true) }
    if attention.isPresent {
      attention.backward(x, d, block, into: target, space, inputGradient: inputGradient)
    }
  }
}
