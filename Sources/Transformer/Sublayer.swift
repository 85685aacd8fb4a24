import Checkpoints
import Kernels
import Tensors

/// A sublayer of a decoder layer, attention or MLP. It reads the residual stream x:
///
///     n = rmsnorm(x)
///     p = W n + b
///     a = core(p)
///     y = x + O a + c
///
/// Where no norm stands before the sublayer, n is x. W holds the projections that read the stream, side by side.
/// `ResidualRule` joins the output projection O a + c to the stream.
///
/// The frame is here, forward and backward. The core of each kind has a file of its own.
protocol Sublayer {
  static var kind: ParameterSpec.Sublayer { get }
  static var slots: SublayerSlots { get }
  /// What the columns of the output projection count.
  static var units: LayerDimension { get }

  var layer: LayerContext { get }
  var activations: SublayerActivations { get }

  /// The last step of the products before they are kept.
  func finishProducts(_ block: SequenceBlock)
  /// a = core(p), into the activations' `inputs`.
  func forwardCore(_ block: SequenceBlock)
  /// The gradient of p from that of a, both in `space`. Adds the gradients of the core's own parameters to `sums`.
  func backwardCore(_ block: SequenceBlock, _ sums: LayerParameters, _ space: GradientSpace)
}

extension Sublayer {
  var kind: ParameterSpec.Sublayer { Self.kind }
  var slots: SublayerSlots { Self.slots }
  var units: LayerDimension { Self.units }
  var sizes: LayerSizes { layer.sizes }
  var isPresent: Bool { layer.sizes.has(kind) }
  private var workers: Workers { layer.workers }

  /// [tokens, columns]: the input of the output projection.
  var inputs: Rows { activations.inputs.rows(sizes[units]) }
  private var normed: Rows { activations.normed.rows(sizes.hidden) }
  private var products: Rows { Rows(activations.products, stride: sizes.productWidth(of: kind)) }
  var residual: ResidualRule { ResidualRule(layer: layer, kind: kind, slots: slots) }

  // MARK: - Forward

  /// From the residual stream to the inputs of the output projection.
  ///
  /// - Parameter productsKept: whether p is there already.
  func forwardInputs(from x: Rows, _ block: SequenceBlock, productsKept: Bool = false) {
    normalise(x, block.tokens)
    if !productsKept {
      project(block.tokens)
      finishProducts(block)
    }
    forwardCore(block)
  }

  /// y = x + O a + c, or y = x where the sublayer was removed. y may be x, unless the model is sliced.
  func addOutput(to x: Rows, into y: Rows, _ tokens: Int) {
    if isPresent { residual.add(inputs, to: x, into: y, tokens) } else { layer.copy(x, to: y, tokens) }
  }

  /// Takes the residual stream, [tokens, hidden], through the sublayer. y may be x, unless the model is sliced.
  func forward(_ x: Rows, into y: Rows, _ block: SequenceBlock) {
    if isPresent { forwardInputs(from: x, block) }
    addOutput(to: x, into: y, block.tokens)
  }

  /// n = rmsnorm(x)
  func normalise(_ x: Rows, _ tokens: Int) {
    guard sizes.design.normPlacement.hasBefore else { return layer.copy(x, to: normed, tokens) }
    layer.normalise(
      x, layer.weights.weight(slots.norm), tokens, into: activations.normed, activations.inverseRMS)
  }

  /// p = W n + b
  func project(_ tokens: Int) {
    layer.project(
      normed, slots.input, into: products, tokens: tokens, from: sizes.streamWidth(before: kind),
      to: sizes.productWidth(of: kind), bias: sizes.biases[input: kind])
  }

  // MARK: - Backward

  /// Takes the gradient through the sublayer, whose activations the forward pass has just filled. The residual connection
  /// leaves `d` as it is, and the gradient through the branch is added.
  ///
  /// - Parameters:
  ///   - x: [tokens, hidden], the residual stream before the sublayer.
  ///   - d: [tokens, hidden], the gradient of the stream behind the sublayer, overwritten by that of x.
  ///   - inputGradient: false leaves `d` unfinished.
  func backward(
    _ x: Rows, _ d: Rows, _ block: SequenceBlock, into target: GradientTarget, _ space: GradientSpace,
    inputGradient: Bool
  ) {
    let s = sizes
    let (tokens, hidden) = (block.tokens, s.hidden)
    let (columns, productWidth) = (s[units], s.productWidth(of: kind))
    let own = space[kind]

    // y = x + O a + c
    let dOutput = residual.outputGradient(d, tokens, target.sum, space)
    target.outputs?.add(dOutput, of: kind)
    layer.weightGradient(
      dOutput, inputs, slots.output, outputs: hidden, inputs: columns, block, target, space)
    if s.biases[output: kind] {
      layer.biasGradient(dOutput, target.sum.bias(slots.output), tokens, width: hidden)
    }
    workers.multiply(
      dOutput, .plain, layer.weights.weight(slots.output).rows(columns), .plain,
      into: own.inputs.rows(columns), m: tokens, n: columns, k: hidden)

    // a = core(p)
    backwardCore(block, target.sum, space)

    // p = W n + b
    let dProducts = own.products.rows(productWidth)
    layer.weightGradient(
      dProducts, normed, slots.input, outputs: productWidth, inputs: hidden, block, target, space)
    if s.biases[input: kind] {
      layer.biasGradient(dProducts, target.sum.bias(slots.input), tokens, width: productWidth)
    }
    guard inputGradient else { return }
    let dNormed = space.normed.rows(hidden)
    workers.multiply(
      dProducts, .plain, layer.weights.weight(slots.input).rows(hidden), .plain, into: dNormed, m: tokens,
      n: hidden, k: productWidth)

    // n = rmsnorm(x)
    guard s.design.normPlacement.hasBefore else { return layer.add(dNormed, to: d, tokens) }
    layer.normGradient(
      x, layer.weights.weight(slots.norm), activations.inverseRMS, dNormed, into: d,
      target.sum.weight(slots.norm), tokens, width: hidden, space)
  }
}

/// How the branch of a sublayer, o = O a + c, joins the residual stream. With m the residual multiplier:
///
///     y = x + m · o
///     y = x + m · rmsnorm(o)    with a norm behind the sublayer
///     y = x Q + m · o           in a sliced model
///
/// Q leads to the basis behind the sublayer. `target` says which o a new output projection has to make.
struct ResidualRule {
  let layer: LayerContext
  let kind: ParameterSpec.Sublayer
  let slots: SublayerSlots

  /// - Parameters:
  ///   - a: [tokens, columns of O]
  ///   - x, y: [tokens, hidden]
  func add(_ a: Rows, to x: Rows, into y: Rows, _ tokens: Int) {
    let s = layer.sizes
    passBy(x, into: y, tokens, from: s.streamWidth(before: kind), to: s.streamWidth(behind: kind))
    guard !s.addsBranchAsIs else { return project(a, into: y, tokens, accumulate: true) }
    layer.add(
      branch(of: a, tokens).rows(s.hidden), to: y, tokens, width: s.streamWidth(behind: kind), by: multiplier)
  }

  private var multiplier: Float { Float(layer.sizes.design.residualMultiplier) }
  private var activations: SublayerActivations { layer.activations[kind] }
  private var hasNorm: Bool { layer.sizes.design.normPlacement.hasAfter }

  /// y (+)= o
  private func project(_ a: Rows, into y: Rows, _ tokens: Int, accumulate: Bool) {
    layer.project(
      a, slots.output, into: y, tokens: tokens, from: a.stride,
      to: layer.sizes.streamWidth(behind: kind), bias: layer.sizes.biases[output: kind],
      accumulate: accumulate)
  }

  /// Makes o in the activations, [tokens, hidden], and returns rmsnorm(o), or o where no norm follows.
  @discardableResult
  func branch(of a: Rows, _ tokens: Int) -> Buffer {
    let branch = activations.branch.rows(layer.sizes.hidden)
    project(a, into: branch, tokens, accumulate: false)
    guard hasNorm else { return activations.branch }
    layer.normalise(
      branch, layer.weights.weight(slots.outputNorm), tokens, into: layer.activations.normedBranch,
      activations.inverseRMSBranch)
    return layer.activations.normedBranch
  }

  /// Makes what the backward pass needs of a branch that was not added.
  func prepareBackward(_ a: Rows, _ tokens: Int) {
    if hasNorm { branch(of: a, tokens) }
  }

  /// The gradient of o, from that of y, d [tokens, hidden].
  func outputGradient(_ d: Rows, _ tokens: Int, _ sums: LayerParameters, _ space: GradientSpace) -> Rows {
    let hidden = layer.sizes.hidden
    guard !layer.sizes.addsBranchAsIs else { return d }
    let result = space.branch.rows(hidden)
    space.branch.base.update(repeating: 0, count: tokens * hidden)
    guard hasNorm else {
      layer.add(d, to: result, tokens, by: multiplier)
      return result
    }
    // `normed` has no other gradient yet.
    let scaled = space.normed.rows(hidden)
    space.normed.base.update(repeating: 0, count: tokens * hidden)
    layer.add(d, to: scaled, tokens, by: multiplier)
    layer.normGradient(
      activations.branch.rows(hidden), layer.weights.weight(slots.outputNorm), activations.inverseRMSBranch,
      scaled, into: result, sums.weight(slots.outputNorm), tokens, width: hidden, space)
    return result
  }

  /// The o that takes the stream from `before` to `after`, this sublayer's last output. A norm behind the sublayer loses the
  /// size of o. Then the target is o as it was.
  ///
  /// - Parameter before: [count], overwritten by the target.
  func target(from before: UnsafeMutablePointer<Float>, to after: UnsafePointer<Float>, count: Int) {
    guard !hasNorm else { return before.update(from: activations.branch.base, count: count) }
    let multiplier = multiplier
    layer.workers.ranges(count, grain: 1 << 15) { range, _ in
      for index in range { before[index] = (after[index] - before[index]) / multiplier }
    }
  }

  /// The residual connection: x, or in a sliced model x Q with Q [from, to].
  private func passBy(_ x: Rows, into y: Rows, _ tokens: Int, from: Int, to: Int) {
    guard layer.sizes.sliced != nil else { return layer.copy(x, to: y, tokens) }
    layer.workers.multiply(
      x, .plain, layer.weights.weight(slots.shortcut).rows(to), .plain, into: y, m: tokens, n: to, k: from)
    let rest = layer.sizes.hidden - to
    guard rest > 0 else { return }
    layer.workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      for row in rows { y.from(row: row, column: to).base.update(repeating: 0, count: rest) }
    }
  }
}

extension LayerSizes {
  /// Whether the stream behind a sublayer is that before it plus the output projection's result.
  var addsBranchAsIs: Bool { !design.normPlacement.hasAfter && design.residualMultiplier == 1 }

  /// Columns of the products: the results of the projections that read the stream, side by side.
  func productWidth(of sublayer: ParameterSpec.Sublayer) -> Int {
    sublayer == .attention ? queryKeyValueWidth : 2 * intermediate
  }

  func streamWidth(before sublayer: ParameterSpec.Sublayer) -> Int {
    sublayer == .attention ? inputWidth : middleWidth
  }

  func streamWidth(behind sublayer: ParameterSpec.Sublayer) -> Int {
    sublayer == .attention ? middleWidth : outputWidth
  }
}

extension Biases {
  /// Whether the projections that read the stream have biases.
  subscript(input sublayer: ParameterSpec.Sublayer) -> Bool {
    sublayer == .attention ? queryKeyValue : gateUp
  }

  /// Whether the output projection has a bias.
  subscript(output sublayer: ParameterSpec.Sublayer) -> Bool {
    get { sublayer == .attention ? attentionOutput : down }
    set { if sublayer == .attention { attentionOutput = newValue } else { down = newValue } }
  }
}
