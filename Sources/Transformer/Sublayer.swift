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
/// Where no norm stands before the sublayer, n is x. W holds the projections that read the stream, side by side. The core is
/// what the type that conforms is about. `ResidualRule` joins the output projection O a + c to the stream.
///
/// The frame is here, forward and backward; the core of each kind in a file of its own.
protocol Sublayer {
  static var kind: ParameterSpec.Sublayer { get }
  static var slots: SublayerSlots { get }
  /// Columns of the output projection, by what they count.
  static var units: LayerDimension { get }

  var layer: LayerContext { get }
  /// What it computes for a block of tokens.
  var activations: SublayerActivations { get }

  /// What becomes of the products before they are kept.
  func finishProducts(_ block: SequenceBlock)
  /// a = core(p), into the activations' `inputs`.
  func forwardCore(_ block: SequenceBlock)
  /// The gradient of p from that of a, both in `space`; adds the gradients of parameters inside the core to `sums`.
  func backwardCore(_ block: SequenceBlock, _ sums: LayerParameters, _ space: GradientSpace)
}

extension Sublayer {
  var kind: ParameterSpec.Sublayer { Self.kind }
  var slots: SublayerSlots { Self.slots }
  var units: LayerDimension { Self.units }
  var sizes: LayerSizes { layer.sizes }
  var isPresent: Bool { layer.sizes.has(kind) }
  private var workers: Workers { layer.workers }

  /// [tokens, columns]: what the output projection reads.
  var inputs: Rows { Rows(activations.inputs.base, stride: sizes[units]) }
  private var normed: Rows { Rows(activations.normed.base, stride: sizes.hidden) }
  private var products: Rows { Rows(activations.products, stride: sizes.productWidth(of: kind)) }
  var residual: ResidualRule { ResidualRule(layer, kind, slots) }

  // MARK: - Forward

  /// From the residual stream to the inputs of the output projection.
  ///
  /// - Parameter productsKept: p is there already.
  func forwardInputs(from x: Rows, _ block: SequenceBlock, productsKept: Bool = false) {
    normalise(x, block.tokens)
    if !productsKept {
      project(block.tokens)
      finishProducts(block)
    }
    forwardCore(block)
  }

  /// y = x + O a + c. Where the model is not sliced, y may be x.
  func addOutput(to x: Rows, into y: Rows, _ tokens: Int) {
    residual.add(inputs, to: x, into: y, tokens)
  }

  /// The residual stream behind the sublayer, from that before it.
  func forward(_ x: Rows, into y: Rows, _ block: SequenceBlock) {
    forwardInputs(from: x, block)
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
  /// passes `d` on as it is; what comes through the branch is added to it.
  ///
  /// - Parameters:
  ///   - x: [tokens, hidden], the residual stream before the sublayer.
  ///   - d: [tokens, hidden], the gradient of the stream behind it, overwritten by that of x.
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
      dOutput, .plain, Rows(layer.weights.weight(slots.output).base, stride: columns), .plain,
      into: Rows(own.inputs.base, stride: columns), m: tokens, n: columns, k: hidden)

    // a = core(p)
    backwardCore(block, target.sum, space)

    // p = W n + b
    let dProducts = Rows(own.products.base, stride: productWidth)
    layer.weightGradient(
      dProducts, normed, slots.input, outputs: productWidth, inputs: hidden, block, target, space)
    if s.biases[input: kind] {
      layer.biasGradient(dProducts, target.sum.bias(slots.input), tokens, width: productWidth)
    }
    guard inputGradient else { return }
    let dNormed = Rows(space.normed.base, stride: hidden)
    workers.multiply(
      dProducts, .plain, Rows(layer.weights.weight(slots.input).base, stride: hidden), .plain,
      into: dNormed, m: tokens, n: hidden, k: productWidth)

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
/// Q leads into the basis behind the sublayer. Passes that change an output projection ask here what it is to answer.
struct ResidualRule {
  private let layer: LayerContext
  private let kind: ParameterSpec.Sublayer
  private let slots: SublayerSlots

  init(_ layer: LayerContext, _ kind: ParameterSpec.Sublayer, _ slots: SublayerSlots) {
    self.layer = layer
    self.kind = kind
    self.slots = slots
  }

  /// - Parameters:
  ///   - a: [tokens, columns of O]
  ///   - x, y: [tokens, hidden]
  func add(_ a: Rows, to x: Rows, into y: Rows, _ tokens: Int) {
    let s = layer.sizes
    passBy(x, into: y, tokens, from: s.streamWidth(before: kind), to: s.streamWidth(behind: kind))
    guard !s.addsBranchAsIs else { return project(a, into: y, tokens, accumulate: true) }
    let branch = branch(of: a, tokens)
    layer.add(
      Rows(branch.base, stride: s.hidden), to: y, tokens, width: s.streamWidth(behind: kind), by: multiplier)
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

  /// Makes o in the activations, [tokens, hidden], and answers rmsnorm(o), or o where no norm follows.
  @discardableResult
  func branch(of a: Rows, _ tokens: Int) -> Buffer {
    let branch = Rows(activations.branch.base, stride: layer.sizes.hidden)
    project(a, into: branch, tokens, accumulate: false)
    guard hasNorm else { return activations.branch }
    layer.normalise(
      branch, layer.weights.weight(slots.outputNorm), tokens, into: layer.activations.normedBranch,
      activations.inverseRMSBranch)
    return layer.activations.normedBranch
  }

  /// Makes what the backward pass needs of a branch that has not been added.
  func prepareBackward(_ a: Rows, _ tokens: Int) {
    if hasNorm { branch(of: a, tokens) }
  }

  /// The gradient of o, from that of y, d [tokens, hidden].
  func outputGradient(_ d: Rows, _ tokens: Int, _ sums: LayerParameters, _ space: GradientSpace) -> Rows {
    let hidden = layer.sizes.hidden
    guard !layer.sizes.addsBranchAsIs else { return d }
    let result = Rows(space.branch.base, stride: hidden)
    space.branch.base.update(repeating: 0, count: tokens * hidden)
    guard hasNorm else {
      layer.add(d, to: result, tokens, by: multiplier)
      return result
    }
    // Nothing else has a gradient in `normed` yet.
    let scaled = Rows(space.normed.base, stride: hidden)
    space.normed.base.update(repeating: 0, count: tokens * hidden)
    layer.add(d, to: scaled, tokens, by: multiplier)
    layer.normGradient(
      Rows(activations.branch.base, stride: hidden), layer.weights.weight(slots.outputNorm),
      activations.inverseRMSBranch, scaled, into: result, sums.weight(slots.outputNorm), tokens,
      width: hidden, space)
    return result
  }

  /// What o is to be, for the stream to come from `before` to `after`, which this sublayer has just made of `x`. Where a
  /// norm follows, o's size is lost behind it: then it is what o was.
  ///
  /// - Parameter before: [count], overwritten by the answer.
  func target(from before: UnsafeMutablePointer<Float>, to after: UnsafePointer<Float>, count: Int) {
    guard !hasNorm else { return before.update(from: activations.branch.base, count: count) }
    let multiplier = multiplier
    layer.workers.ranges(count, grain: 1 << 15) { range, _ in
      for index in range { before[index] = (after[index] - before[index]) / multiplier }
    }
  }

  /// What goes by the sublayer: x itself, or in a sliced model x Q with Q [from, to].
  private func passBy(_ x: Rows, into y: Rows, _ tokens: Int, from: Int, to: Int) {
    guard layer.sizes.sliced != nil else { return layer.copy(x, to: y, tokens) }
    layer.workers.multiply(
      x, .plain, Rows(layer.weights.weight(slots.shortcut).base, stride: to), .plain, into: y, m: tokens,
      n: to, k: from)
    let rest = layer.sizes.hidden - to
    guard rest > 0 else { return }
    layer.workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      for row in rows { y.from(row: row, column: to).base.update(repeating: 0, count: rest) }
    }
  }
}

extension LayerSizes {
  /// The stream behind a sublayer is that before it plus what its output projection answers.
  var addsBranchAsIs: Bool { !design.normPlacement.hasAfter && design.residualMultiplier == 1 }

  /// Columns of the products: what the projections that read the stream answer, side by side.
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
  /// Of the projections that read the stream.
  subscript(input sublayer: ParameterSpec.Sublayer) -> Bool {
    sublayer == .attention ? queryKeyValue : gateUp
  }

  /// Of the output projection.
  subscript(output sublayer: ParameterSpec.Sublayer) -> Bool {
    get { sublayer == .attention ? attentionOutput : down }
    set { if sublayer == .attention { attentionOutput = newValue } else { down = newValue } }
  }
}
