import Checkpoints
import Kernels
import Tensors

/// What the parts of a layer share during a pass.
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

  /// y += factor · x, in the first `width` columns; nil for all.
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
/// Without attention m = x, and without an MLP y = m.
///
/// In a sliced model the basis of the stream, and its width, change beside each sublayer (`ResidualRule`). Rows keep the stride
/// `hidden`, with zeros behind the stream's width. So a norm's mean is over `hidden`, as in the dense model.
///
/// Passes work on a block of tokens. The order of sums depends only on sizes and thread count.
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

  /// The present sublayers, in the order of the forward pass.
  var sublayers: [any Sublayer] {
    let all: [any Sublayer] = [attention, mlp]
    return all.filter(\.isPresent)
  }

  subscript(kind: ParameterSpec.Sublayer) -> any Sublayer { kind == .attention ? attention : mlp }

  /// How far a forward pass goes.
  enum Extent {
    /// To the output.
    case output(Rows)
    /// As far as the backward pass needs. `productsKept`: the products of both sublayers and `middle` are there already.
    case activations(productsKept: Bool)
  }

  /// - Parameter x: [tokens, hidden], the layer's input. The output may have its memory.
  func forward(_ x: Rows, _ block: SequenceBlock, _ extent: Extent) {
    var productsKept = false
    if case .activations(true) = extent { productsKept = true }
    if attention.isPresent { attention.forwardInputs(from: x, block, productsKept: productsKept) }
    if !productsKept {
      attention.addOutput(to: x, into: middle, block.tokens)
    } else if attention.isPresent {
      attention.residual.prepareBackward(attention.inputs, block.tokens)
    }
    if mlp.isPresent { mlp.forwardInputs(from: middle, block, productsKept: productsKept) }
    if case .output(let y) = extent {
      mlp.addOutput(to: middle, into: y, block.tokens)
    } else if mlp.isPresent {
      mlp.residual.prepareBackward(mlp.inputs, block.tokens)
    }
  }

  /// Continues a sequence with `count` tokens from `position` on. Their keys and values join those before.
  ///
  /// - Parameters:
  ///   - x, output: [count, hidden]
  ///   - keys, values: [capacity, keyValueWidth], filled up to `position`
  func forward(_ x: Rows, count: Int, position: Int, keys: Buffer, values: Buffer, output: Rows) {
    if attention.isPresent {
      attention.forwardInputs(from: x, count: count, position: position, keys: keys, values: values)
    }
    attention.addOutput(to: x, into: middle, count)
    mlp.forward(middle, into: output, SequenceBlock(lengths: [count]))
  }

  /// Takes the gradient through the layer, whose activations the forward pass has just filled.
  ///
  /// - Parameters:
  ///   - x: [tokens, hidden], the layer's input.
  ///   - d: [tokens, hidden], the gradient of its output, overwritten by that of its input.
  ///   - inputGradient: false leaves `d` unfinished, for a first layer where the embedding needs no gradient.
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
