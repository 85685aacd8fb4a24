import Kernels
import Tensors

/// Takes the residual stream of all samples through the dense layers, one sublayer at a time.
final class ResidualWalk {
  let decoder: Decoder
  let places: ResidualPlaces
  let request: SlicingRequest
  let workers: Workers
  let blocks: Blocks
  /// [rows, hidden]
  private let stream: Buffer
  private let workspace: LayerWorkspace
  private let sum: GramSum
  /// [hidden]: the weights of a norm without weights.
  private let ones: Buffer

  init(_ decoder: Decoder, _ request: SlicingRequest, _ workers: Workers) throws {
    try decoder.check(request.sequences)
    places = try decoder.residualPlaces()
    self.decoder = decoder
    self.request = request
    self.workers = workers
    blocks = Blocks(request.sequences, tokens: Blocks.usualTokens)
    workspace = LayerWorkspace(decoder, blocks, workers: workers)
    stream = Buffer(blocks.rows * decoder.hidden)
    sum = GramSum(decoder.hidden)
    ones = Buffer(decoder.hidden)
    ones.fill(1)
    try decoder.embed(request.sequences.flatMap(\.self), into: stream.base)
    if request.centersEmbeddings { center(stream.rows(hidden), rows: blocks.rows) }
  }

  var hidden: Int { decoder.hidden }
  private var activations: LayerActivations { workspace.activations }

  /// Subtracts each row's mean.
  func center(_ x: Rows, rows: Int) {
    let hidden = hidden
    workers.ranges(rows, grain: 256) { range, _ in
      for row in range {
        let values = x.from(row: row).base
        var sum = 0.0
        for column in 0..<hidden { sum += Double(values[column]) }
        let mean = Float(sum / Double(hidden))
        for column in 0..<hidden { values[column] -= mean }
      }
    }
  }

  private func rows(_ block: Blocks.Block) -> Rows { stream.rows(hidden, from: block.firstRow * hidden) }

  /// The mean over all tokens of xᵀx, or of the same with x / rms(x), [hidden, hidden].
  func gram() -> [Double] {
    sum.reset()
    for block in blocks.all {
      let tokens = block.sequences.tokens
      sum.add(
        request.normalisesTokens ? normalised(rows(block), tokens) : rows(block), count: tokens, workers)
    }
    return sum.mean
  }

  private func normalised(_ x: Rows, _ tokens: Int) -> Rows {
    let width = Int64(hidden)
    workers.ranges(tokens, grain: LayerContext.grain) { rows, _ in
      ap_rms_norm(
        x.from(row: rows.lowerBound).base, ones.base, Float(decoder.configuration.rmsNormEpsilon),
        Int64(rows.count), width, Int64(x.stride), width,
        activations.attention.normed.base + rows.lowerBound * hidden,
        activations.attention.inverseRMS.base + rows.lowerBound)
    }
    return activations.attention.normed.rows(hidden)
  }

  /// x ← x Bᵀ B.
  func project(on basis: KeptBasis) {
    guard basis.width < hidden else { return }
    let sliced = Buffer(blocks.mostTokens * basis.width)
    for block in blocks.all {
      let (x, y) = (rows(block), sliced.rows(basis.width))
      let tokens = block.sequences.tokens
      workers.multiply(x, .plain, basis.rows, .transposed, into: y, m: tokens, n: basis.width, k: hidden)
      workers.multiply(y, .plain, basis.rows, .plain, into: x, m: tokens, n: hidden, k: basis.width)
    }
  }

  func enter(_ layer: Int) throws -> DecoderLayer { try workspace.at(layer) }

  /// Takes the stream through a sublayer of the layer that was entered.
  func pass(_ sublayer: any Sublayer) {
    for block in blocks.all { sublayer.forward(rows(block), into: rows(block), block.sequences) }
  }
}

/// The directions that stay at a place, as rows: [width, hidden].
struct KeptBasis {
  let width: Int
  let hidden: Int
  private let values: Buffer

  init(_ basis: [Double], width: Int, hidden: Int) {
    self.width = width
    self.hidden = hidden
    values = Buffer(basis.prefix(width * hidden).map { Float($0) })
  }

  var rows: Rows { values.rows(hidden) }
}
