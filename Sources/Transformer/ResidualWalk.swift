import Kernels
import Tensors

/// The residual stream of all samples on its way through the dense layers, a sublayer at a time.
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
  /// [hidden], the weights of a norm that has none.
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
    ones.base.update(repeating: 1, count: decoder.hidden)
    try decoder.embed(request.sequences.flatMap(\.self), into: stream.base)
    if request.centersEmbeddings { center(Rows(stream.base, stride: hidden), rows: blocks.rows) }
  }

  var hidden: Int { decoder.hidden }
  private var activations: LayerActivations { workspace.activations }

  /// Takes each row's mean from its elements.
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

  private func rows(_ block: Blocks.Block) -> Rows {
    Rows(stream.at(block.firstRow * hidden), stride: hidden)
  }

  /// The mean over all tokens of xᵀx, or the same of x / rms(x), [hidden, hidden].
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
    return Rows(activations.attention.normed.base, stride: hidden)
  }

  /// x ← x Bᵀ B.
  func project(on basis: KeptBasis) {
    guard basis.width < hidden else { return }
    let sliced = Buffer(blocks.mostTokens * basis.width)
    for block in blocks.all {
      let (x, y) = (rows(block), Rows(sliced.base, stride: basis.width))
      let tokens = block.sequences.tokens
      workers.multiply(x, .plain, basis.rows, .transposed, into: y, m: tokens, n: basis.width, k: hidden)
      workers.multiply(y, .plain, basis.rows, .plain, into: x, m: tokens, n: hidden, k: basis.width)
    }
  }

  /// Comes to a layer.
  func enter(_ layer: Int) throws -> DecoderLayer { try workspace.at(layer) }

  /// Takes the stream through a sublayer of that layer.
  func pass(_ sublayer: any Sublayer) {
    for block in blocks.all {
      let x = rows(block)
      sublayer.forward(x, into: x, block.sequences)
    }
  }
}

/// The directions that stay at a place, a row each: [width, hidden].
struct KeptBasis {
  let width: Int
  let hidden: Int
  private let values: Buffer

  init(_ basis: [Double], width: Int, hidden: Int) {
    self.width = width
    self.hidden = hidden
    values = Buffer(basis.prefix(width * hidden).map { Float($0) })
  }

  var rows: Rows { Rows(values.base, stride: hidden) }
}
