import Checkpoints
import Kernels
import Tensors

/// How a compensator is to be served.
public struct CompensationRequest {
  /// Token ids; each sequence starts at position 0.
  public var sequences: [[Int32]]
  /// The families that were cut.
  public var families: [Family]
  /// Inputs come from the layers before as cut and compensated; else from the model before the cut.
  public var followsCut: Bool
  /// Every output projection of the families gets a bias.
  public var addsBias: Bool

  public init(sequences: [[Int32]], families: [Family], followsCut: Bool, addsBias: Bool) {
    self.sequences = sequences
    self.families = families
    self.followsCut = followsCut
    self.addsBias = addsBias
  }
}

/// An output projection that is to lose columns, o_proj or down_proj, with x its inputs as all columns have them, and t what
/// it is wished to answer. Valid until the closure that it is handed to returns.
public struct CutProjection {
  public let layer: Int
  /// `attention` or `mlp`.
  public let family: Family
  /// `o_proj` or `down_proj`.
  public let name: String
  public let rows: Int
  public let columns: Int
  /// [rows, columns], before the cut; with an original as it has them, so that what earlier cuts made of them is not fitted
  /// to the same tokens once more.
  public let weight: Buffer
  /// [rows]; nil if it has none.
  public let bias: [Float]?
  /// The columns that stay, ascending.
  public let kept: [Int]
  /// Over all tokens: mean of x [columns], of xᵀx [columns, columns], of t [rows], of tᵀx [rows, columns].
  public let inputMean: Buffer
  public let inputGram: Buffer
  public let targetMean: Buffer
  public let targetProduct: Buffer
}

extension Decoder {
  /// Every parameter of `cut`, with the output projections of what was cut as `solve` changes them. This model is the one
  /// before the cut. One pass forward, layer by layer.
  ///
  /// - Parameters:
  ///   - cut: the same checkpoint with fewer units.
  ///   - original: whose residual stream a compensator that follows the cut comes back to, if not this model's: one with
  ///     the same sublayers, from which earlier cuts came.
  ///   - solve: the projection without the columns that leave, [rows, kept], and its bias, [rows], if it has one.
  ///   - body: as of `forEachParameter`.
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

/// One way through the layers. Two residual streams go along: that of the model before the cut, or of the original; and, if
/// the compensator follows the cut, that of the cut model as compensated so far.
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
  /// The same of the cut model; nil if nobody follows it.
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
    let workspace = LayerWorkspace(whole, blocks, roomFor: original?.allSizes ?? [], workers: workers)
    before = workspace
    after = LayerWorkspace(cut, sharing: workspace)
    first = original.map { LayerWorkspace($0, sharing: workspace) }
    sums = ProjectionSums(
      rows: whole.hidden, columns: sizes.map { max($0.queryWidth, $0.intermediate) }.max() ?? 1, workers)
    target = Buffer(blocks.mostTokens * whole.hidden)
  }

  /// One layer in the models that take turns.
  private struct Models {
    let before: DecoderLayer
    /// The original's; nil if that is the model before the cut.
    let first: DecoderLayer?
    let after: DecoderLayer
  }

  /// Takes the streams through a layer, and answers its parameters as cut and compensated.
  func layer(_ layer: Int, _ solve: Solve) throws -> LayerParameters {
    let models = Models(
      before: try before.at(layer), first: try first?.at(layer), after: try after.at(layer))
    for sublayer in models.before.sublayers { try pass(sublayer, of: layer, models, solve) }
    return models.after.weights
  }

  /// Makes room for a bias that the checkpoint does not have.
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
        let c = Rows(cutStream.at(place), stride: whole.hidden)
        models.after.forward(sublayer.kind, c, into: c, block.sequences)
      } else {
        cutStream.at(place).update(
          from: uncutStream.at(place), count: block.sequences.tokens * whole.hidden)
      }
    }
  }

  /// Takes a block of the uncut stream through the sublayer, and adds to the sums what the projection gets, and should
  /// answer: what is missing behind it.
  private func advanceUncut(
    _ block: Blocks.Block, _ sublayer: any Sublayer, _ models: Models, gathers: Bool
  ) {
    let hidden = whole.hidden
    let tokens = block.sequences.tokens
    let place = block.firstRow * hidden
    let u = Rows(uncutStream.at(place), stride: hidden)
    let start = cutStream?.at(place) ?? u.base
    if gathers { target.base.update(from: start, count: tokens * hidden) }
    let uncut = models.first ?? models.before
    uncut.forward(sublayer.kind, u, into: u, block.sequences)
    guard gathers else { return }
    uncut.residual(sublayer.kind).target(from: target.base, to: u.base, count: tokens * hidden)
    if let cutStream {
      sublayer.forwardInputs(from: Rows(cutStream.at(place), stride: hidden), block.sequences)
    }
    // Else the inputs that the output was made from are still there.
    sums.addInputs(sublayer.activations.inputs, tokens)
    sums.addTargets(target, sublayer.activations.inputs, tokens)
  }

  /// The columns that there are before the cut, as the original has them.
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

/// Sums over tokens of x, xᵀx, t and tᵀx, for inputs x and targets t of one projection.
private final class ProjectionSums {
  /// [columns, columns], [rows, columns], [columns], [rows]; means after `finish`.
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
    workers.addGram(
      of: Rows(x.base, stride: columns), count: count, n: columns, to: Rows(gram.base, stride: columns))
    columnSums(x, columns, count, into: inputMean)
  }

  func addTargets(_ t: Buffer, _ x: Buffer, _ count: Int) {
    workers.multiply(
      Rows(t.base, stride: rows), .transposed, Rows(x.base, stride: columns), .plain,
      into: Rows(product.base, stride: columns), m: rows, n: columns, k: count, beta: 1)
    columnSums(t, rows, count, into: targetMean)
  }

  private func columnSums(_ x: Buffer, _ width: Int, _ count: Int, into sums: Buffer) {
    workers.ranges(width, grain: 256) { range, _ in
      ap_column_sums(
        x.base + range.lowerBound, Int64(count), Int64(range.count), Int64(width),
        sums.base + range.lowerBound)
    }
  }

  /// Turns the sums into means.
  func finish() {
    let scale = 1 / Float(max(1, tokens))
    workers.mirror(Rows(gram.base, stride: columns), n: columns, scale: scale)
    for (buffer, count) in [(product, rows * columns), (inputMean, columns), (targetMean, rows)] {
      workers.ranges(count, grain: 1 << 16) { range, _ in
        for index in range { buffer.base[index] *= scale }
      }
    }
  }
}
