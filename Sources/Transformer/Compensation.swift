import Checkpoints
import Kernels
import Tensors

/// What a compensator needs.
public struct CompensationRequest {
  /// Token ids. Each sequence starts at position 0.
  public var sequences: [[Int32]]
  /// The families that were cut.
  public var families: [Family]
  /// Whether inputs come from the cut and compensated layers before; else from the model before the cut.
  public var followsCut: Bool
  /// Whether every output projection of the families gets a bias.
  public var addsBias: Bool

  public init(sequences: [[Int32]], families: [Family], followsCut: Bool, addsBias: Bool) {
    self.sequences = sequences
    self.families = families
    self.followsCut = followsCut
    self.addsBias = addsBias
  }
}

/// An output projection that loses columns, o_proj or down_proj. x: its input before the cut; t: the target output. Valid
/// until the closure that gets it returns.
public struct CutProjection {
  public let layer: Int
  /// `attention` or `mlp`.
  public let family: Family
  /// `o_proj` or `down_proj`.
  public let name: String
  public let rows: Int
  public let columns: Int
  /// [rows, columns], before the cut. With an original, the original's: earlier compensations are not fitted again.
  public let weight: Buffer
  /// [rows]; nil if there is none.
  public let bias: [Float]?
  /// The columns that stay, ascending.
  public let kept: [Int]
  /// Means over all tokens: x [columns], xᵀx [columns, columns], t [rows], tᵀx [rows, columns].
  public let inputMean: Buffer
  public let inputGram: Buffer
  public let targetMean: Buffer
  public let targetProduct: Buffer
}

extension Decoder {
  /// Calls `body` with every parameter of `cut`, after `solve` has changed the output projections that were cut. This model is
  /// the one before the cut. The pass goes forward once, layer by layer.
  ///
  /// - Parameters:
  ///   - cut: the same checkpoint with fewer units.
  ///   - original: the model that earlier cuts came from, with the same sublayers. A compensator that follows the cut aims at
  ///     its residual stream; nil for this model's.
  ///   - solve: returns the projection without the columns that leave, [rows, kept], and its bias, [rows], if there is one.
  ///   - body: as in `forEachParameter`.
  /// - Throws: `DecoderError`, `CheckpointError`, and what the closures throw.
  public func compensate(
    _ cut: Decoder, original: Decoder? = nil, _ request: CompensationRequest, workers: Workers,
    observer: PassObserver = { _ in },
    solve: (CutProjection) throws -> (weight: [Float], bias: [Float]?),
    body: (_ name: String, _ values: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    try requireUnsliced()
    try check(request.sequences)
    let pass = CompensationPass(
      whole: self, cut: cut, original: request.followsCut ? original : nil, request, workers)
    try embed(request.sequences.flatMap(\.self), into: pass.uncutStream.base)
    pass.cutStream?.base.update(from: pass.uncutStream.base, count: pass.blocks.rows * hidden)
    try cut.forEachParameter(
      workers: workers,
      progress: { try observer(PassProgress(phase: .forward, done: $0, total: $1)) },
      layer: { layer, _ in try pass.layer(layer, solve) }, end: { _ in nil }, body: body)
  }
}

/// One pass through the layers. It takes along the residual stream of the model before the cut, or of the original. If the
/// compensator follows the cut, it also takes that of the cut model as compensated so far.
private final class CompensationPass {
  typealias Solve = (CutProjection) throws -> (weight: [Float], bias: [Float]?)

  let whole: Decoder
  let cut: Decoder
  let original: Decoder?
  let request: CompensationRequest
  let workers: Workers
  let blocks: Blocks
  /// [rows, hidden]
  let uncutStream: Buffer
  /// [rows, hidden] of the cut model; nil if the compensator does not follow it.
  let cutStream: Buffer?
  private let before: LayerWorkspace
  /// The original's; nil if that is the model before the cut.
  private let first: LayerWorkspace?
  private let after: LayerWorkspace
  private let sums: ProjectionSums
  /// [tokens of a block, hidden]
  private let target: Buffer
  /// Whether the two streams may differ yet.
  private var isCut: Bool

  init(
    whole: Decoder, cut: Decoder, original: Decoder?, _ request: CompensationRequest, _ workers: Workers
  ) {
    self.whole = whole
    self.cut = cut
    self.original = original
    isCut = original != nil
    self.request = request
    self.workers = workers
    blocks = Blocks(request.sequences, tokens: Blocks.usualTokens)
    uncutStream = Buffer(blocks.rows * whole.hidden)
    cutStream = request.followsCut ? Buffer(blocks.rows * whole.hidden) : nil
    let sizes = whole.allSizes
    let before = LayerWorkspace(whole, blocks, roomFor: original?.allSizes ?? [], workers: workers)
    self.before = before
    after = LayerWorkspace(cut, sharing: before)
    first = original.map { LayerWorkspace($0, sharing: before) }
    sums = ProjectionSums(
      rows: whole.hidden, columns: sizes.map { max($0.queryWidth, $0.intermediate) }.max() ?? 1, workers)
    target = Buffer(blocks.mostTokens * whole.hidden)
  }

  /// One layer in each model.
  private struct Models {
    let before: DecoderLayer
    /// The original's; nil if that is the model before the cut.
    let first: DecoderLayer?
    let after: DecoderLayer
  }

  /// Takes the streams through a layer, and returns its parameters as cut and compensated.
  func layer(_ layer: Int, _ solve: Solve) throws -> LayerParameters {
    let models = Models(before: try before.at(layer), first: try first?.at(layer), after: try after.at(layer))
    for sublayer in models.before.sublayers { try pass(sublayer, of: layer, models, solve) }
    return models.after.weights
  }

  /// Adds a bias that the checkpoint does not have.
  private func addBias(to sublayer: any Sublayer, _ after: LayerParameters) {
    guard request.addsBias, request.families.contains(Family(sublayer.kind)),
      !after.sizes.biases[output: sublayer.kind]
    else { return }
    after.sizes.biases[output: sublayer.kind] = true
    after.bias(sublayer.slots.output).zero()
  }

  /// The cut's columns among those before it.
  private func columns(_ dimension: LayerDimension, _ layer: Int) -> [Int] {
    guard let (family, width) = whole.units(of: dimension, layer) else { return [] }
    return whole.selected[layer].units(of: family).positions(of: cut.selected[layer].units(of: family))
      .lines(width: width)
  }

  // MARK: - A sublayer

  /// - Parameter sublayer: of the model before the cut.
  private func pass(_ sublayer: any Sublayer, of layer: Int, _ models: Models, _ solve: Solve) throws {
    addBias(to: sublayer, models.after.weights)
    let kept = columns(sublayer.units, layer)
    let losesColumns = kept.count < sublayer.inputs.stride
    let isSolved =
      request.families.contains(Family(sublayer.kind)) && (losesColumns || (request.followsCut && isCut))
    if isSolved { sums.begin(columns: sublayer.inputs.stride) }
    for block in blocks.all { advanceUncut(block, sublayer, models, gathers: isSolved) }
    if isSolved { try replace(sublayer, of: layer, kept, models, solve) }
    isCut = isCut || losesColumns
    guard let cutStream else { return }
    for block in blocks.all {
      let place = block.firstRow * whole.hidden
      if isCut {
        let c = cutStream.rows(whole.hidden, from: place)
        models.after[sublayer.kind].forward(c, into: c, block.sequences)
      } else {
        cutStream.at(place).update(from: uncutStream.at(place), count: block.sequences.tokens * whole.hidden)
      }
    }
  }

  /// Takes a block of the uncut stream through the sublayer, and adds the projection's inputs and targets to the sums.
  private func advanceUncut(
    _ block: Blocks.Block, _ sublayer: any Sublayer, _ models: Models, gathers: Bool
  ) {
    let (hidden, tokens) = (whole.hidden, block.sequences.tokens)
    let place = block.firstRow * hidden
    let u = uncutStream.rows(hidden, from: place)
    let start = cutStream?.at(place) ?? u.base
    if gathers { target.base.update(from: start, count: tokens * hidden) }
    let uncut = (models.first ?? models.before)[sublayer.kind]
    uncut.forward(u, into: u, block.sequences)
    guard gathers else { return }
    uncut.residual.target(from: target.base, to: u.base, count: tokens * hidden)
    // Without a cut stream the inputs are still in the activations.
    if let cutStream { sublayer.forwardInputs(from: cutStream.rows(hidden, from: place), block.sequences) }
    sums.addInputs(sublayer.activations.inputs, tokens)
    sums.addTargets(target, sublayer.activations.inputs, tokens)
  }

  /// The columns before the cut, with the original's values.
  private func weight(of sublayer: any Sublayer, _ layer: Int, _ models: Models) throws -> Buffer {
    let slot = sublayer.slots.output
    guard let original, let first = models.first,
      let (family, width) = original.units(of: sublayer.units, layer)
    else { return models.before.weights.weight(slot) }
    let units = original.kept[layer].units(of: family)
    let columns = units.positions(of: whole.kept[layer].units(of: family)).lines(width: width)
    guard columns.count == sublayer.inputs.stride else {
      throw DecoderError.wrongOrigin(file: original.checkpoint.location)
    }
    let (from, to) = (first.weights.weight(slot), Buffer(whole.hidden * columns.count))
    for row in 0..<whole.hidden {
      for (place, column) in columns.enumerated() {
        to.base[row * columns.count + place] = from.base[row * units.count * width + column]
      }
    }
    return to
  }

  private func replace(
    _ sublayer: any Sublayer, of layer: Int, _ kept: [Int], _ models: Models, _ solve: Solve
  ) throws {
    let hidden = whole.hidden
    let slot = sublayer.slots.output
    guard let output = models.before.weights.named.first(where: { $0.slot == slot }) else { return }
    let bias =
      sublayer.sizes.biases[output: sublayer.kind]
      ? Array(models.before.weights.bias(slot).values.prefix(hidden)) : nil
    sums.finish()
    let answer = try solve(
      CutProjection(
        layer: layer, family: Family(sublayer.kind), name: output.spec.shortName, rows: hidden,
        columns: output.columns, weight: try weight(of: sublayer, layer, models), bias: bias, kept: kept,
        inputMean: sums.inputMean, inputGram: sums.gram, targetMean: sums.targetMean,
        targetProduct: sums.product))
    models.after.weights.weight(slot).base.update(
      from: answer.weight, count: min(answer.weight.count, hidden * kept.count))
    if let bias = answer.bias {
      models.after.weights.bias(slot).base.update(from: bias, count: min(bias.count, hidden))
    }
  }
}

/// Sums over tokens of x, xᵀx, t and tᵀx, for the inputs x and targets t of one projection.
private final class ProjectionSums {
  /// [columns, columns], [rows, columns], [columns], [rows]. `finish` makes them means.
  let gram: Buffer
  let product: Buffer
  let inputMean: Buffer
  let targetMean: Buffer
  private let rows: Int
  private var columns = 0
  private var tokens = 0
  private let workers: Workers

  init(rows: Int, columns: Int, _ workers: Workers) {
    self.rows = rows
    self.workers = workers
    gram = Buffer(columns * columns)
    product = Buffer(rows * columns)
    inputMean = Buffer(columns)
    targetMean = Buffer(rows)
  }

  func begin(columns: Int) {
    self.columns = columns
    tokens = 0
    for buffer in [gram, product, inputMean, targetMean] { buffer.zero() }
  }

  func addInputs(_ x: Buffer, _ count: Int) {
    tokens += count
    workers.addGram(of: x.rows(columns), count: count, n: columns, to: gram.rows(columns))
    columnSums(x, columns, count, into: inputMean)
  }

  func addTargets(_ t: Buffer, _ x: Buffer, _ count: Int) {
    workers.multiply(
      t.rows(rows), .transposed, x.rows(columns), .plain, into: product.rows(columns), m: rows, n: columns,
      k: count, beta: 1)
    columnSums(t, rows, count, into: targetMean)
  }

  private func columnSums(_ x: Buffer, _ width: Int, _ count: Int, into sums: Buffer) {
    workers.ranges(width, grain: 256) { range, _ in
      ap_column_sums(
        x.base + range.lowerBound, Int64(count), Int64(range.count), Int64(width),
        sums.base + range.lowerBound)
    }
  }

  /// Divides the sums by the number of tokens.
  func finish() {
    let scale = 1 / Float(max(1, tokens))
    workers.mirror(gram.rows(columns), n: columns, scale: scale)
    for (buffer, count) in [(product, rows * columns), (inputMean, columns), (targetMean, rows)] {
      workers.ranges(count, grain: 1 << 16) { range, _ in for index in range { buffer.base[index] *= scale } }
    }
  }
}
