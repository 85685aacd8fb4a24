import Checkpoints
import Tensors

/// Which Gram matrices of the residual stream to take, and of which text.
public struct SlicingRequest {
  /// Token ids. Each sequence starts at position 0.
  public var sequences: [[Int32]]
  /// Whether to subtract from each token's embedding the mean of its elements.
  public var centersEmbeddings: Bool
  /// Whether Gram matrices are of x / rms(x), in which every token weighs the same. In those of x, the few tokens with massive
  /// activations outweigh the others.
  public var normalisesTokens: Bool

  public init(sequences: [[Int32]], centersEmbeddings: Bool = false, normalisesTokens: Bool = false) {
    self.sequences = sequences
    self.centersEmbeddings = centersEmbeddings
    self.normalisesTokens = normalisesTokens
  }
}

/// The Gram matrix of the residual stream at a place, in the model's own basis, as sliced so far.
public struct ResidualGram {
  public let place: ResidualPlace
  /// Columns that will stay.
  public let width: Int
  public let tokens: Int
  /// [hidden, hidden]: the mean over all tokens of xᵀx, or of the same with x / rms(x).
  public let gram: [Double]
}

extension Decoder {
  /// Calls `body` with every parameter of the model after slicing its residual stream. The configuration is
  /// `prunedConfiguration` with the request's `residualWidths` and an untied head.
  ///
  /// At each place the stream gets a basis, and keeps only its first columns. The tokens go through the model layer by layer, so
  /// a place sees the stream that the places before have left (as in rotate_and_slice_sequential of
  /// TransformerCompression's rotate.py). In the model's own basis slicing is x ← x Bᵀ B, with B the rows that stay. So the
  /// pass uses the dense layers. The written matrices contain the norm's weights g and the bases:
  ///
  ///     reading W:  (W · diag g) Bᵀ      writing W:  B' W, bias B' b      shortcut:  B B'ᵀ
  ///
  /// B' is that of the next place. A norm without weights commutes with B, since B's rows are orthonormal.
  ///
  /// - Parameters:
  ///   - widths: [places]: columns that stay.
  ///   - orient: returns an orthonormal basis [hidden, hidden] with a direction in each row, the first to keep first.
  ///   - body: as in `forEachParameter`.
  /// - Throws: `DecoderError`, `CheckpointError`, and what the closures throw.
  public func slice(
    _ request: SlicingRequest, widths: [Int], workers: Workers, observer: PassObserver = { _ in },
    orient: (ResidualGram) throws -> [Double],
    body: (_ name: String, _ values: UnsafeBufferPointer<Float>) throws -> Void
  ) throws {
    let walk = try ResidualWalk(self, request, workers)
    try SlicingPass(walk, widths: widths).run(observer: observer, orient: orient, body: body)
  }

  /// The spread of the residual stream's energy: at each place the eigenvalues of the mean over all tokens of xᵀx, the largest
  /// first, [places][hidden].
  /// - Throws: `DecoderError`, `CheckpointError`, `LinearAlgebraError`, and what `observer` throws.
  public func residualEnergies(
    _ request: SlicingRequest, workers: Workers, observer: PassObserver = { _ in }
  ) throws -> [[Double]] {
    let walk = try ResidualWalk(self, request, workers)
    func energies() throws -> [Double] {
      try SymmetricMatrix(walk.gram(), n: hidden).eigen().values.map { max(0, $0) }
    }
    var result: [[Double]] = []
    for layer in 0..<layerCount {
      for sublayer in try walk.enter(layer).sublayers {
        result.append(try energies())
        walk.pass(sublayer)
      }
      try observer(PassProgress(phase: .forward, done: layer + 1, total: layerCount))
    }
    result.append(try energies())
    return result
  }
}

/// One pass through the layers. Each place gets its basis, and each layer is rewritten once the next basis is known. At most
/// three bases exist at a time.
private final class SlicingPass {
  typealias Orient = (ResidualGram) throws -> [Double]
  typealias Body = (_ name: String, _ values: UnsafeBufferPointer<Float>) throws -> Void

  private let walk: ResidualWalk
  private let widths: [Int]
  /// Rows of the embedding and the head at a time.
  private static let pieceRows = 4096
  private var nextPlace = 0

  init(_ walk: ResidualWalk, widths: [Int]) throws {
    self.walk = walk
    self.widths = widths
    guard widths.count == walk.places.places.count, widths.allSatisfy((1...walk.hidden).contains) else {
      throw DecoderError.badWidths(places: walk.places.places.count, hidden: walk.hidden)
    }
  }

  private var decoder: Decoder { walk.decoder }
  private var workers: Workers { walk.workers }
  private var hidden: Int { walk.hidden }

  func run(observer: PassObserver, orient: Orient, body: Body) throws {
    let layers = walk.places.widths(widths)
    let sliced = (0..<decoder.layerCount).map { index in
      var sizes = decoder.sizes(index)
      sizes.sliced = layers.layer(index)
      return sizes
    }
    let after = LayerParameters(roomFor: sliced)
    var here = try basis(orient)
    try writeEmbedding(here, body)
    for layer in 0..<decoder.layerCount {
      let before = try walk.enter(layer)
      after.sizes = sliced[layer]
      for sublayer in before.sublayers {
        walk.project(on: here)
        walk.pass(sublayer)
        let next = try basis(orient)
        rewrite(sublayer, before.weights, into: after, here, next)
        here = next
      }
      for parameter in after.named {
        try body("model.layers.\(layer).\(parameter.spec.tensor)", parameter.values)
      }
      try observer(PassProgress(phase: .forward, done: layer + 1, total: decoder.layerCount))
    }
    try writeHead(here, body)
  }

  /// The basis of the next place.
  private func basis(_ orient: Orient) throws -> KeptBasis {
    let (place, width) = (walk.places.places[nextPlace], widths[nextPlace])
    nextPlace += 1
    let answer = try orient(
      ResidualGram(place: place, width: width, tokens: walk.blocks.rows, gram: walk.gram()))
    guard answer.count == hidden * hidden else {
      throw DecoderError.badWidths(places: widths.count, hidden: hidden)
    }
    return KeptBasis(answer, width: width, hidden: hidden)
  }

  // MARK: - Layers

  /// Rewrites a sublayer's parameters for the bases before and behind it.
  private func rewrite(
    _ sublayer: any Sublayer, _ before: LayerParameters, into after: LayerParameters, _ here: KeptBasis,
    _ next: KeptBasis
  ) {
    let slots = sublayer.slots
    read(
      before.weight(slots.input), sublayer.sizes.productWidth(of: sublayer.kind),
      norm: before.weight(slots.norm), here, into: after.weight(slots.input)
    )
    for parameter in before.named
    where parameter.spec.role.sublayer == sublayer.kind && parameter.slot != slots.norm {
      if parameter.slot == slots.output {
        write(
          parameter, next, into: parameter.spec.isBias ? after.bias(slots.output) : after.weight(slots.output)
        )
      } else if parameter.isVector {
        let target = parameter.spec.isBias ? after.bias(parameter.slot) : after.weight(parameter.slot)
        target.at(parameter.firstRow).update(from: parameter.base, count: parameter.rows)
      }
    }
    shortcut(here, next, into: after.weight(slots.shortcut))
  }

  /// (W · diag g) Bᵀ; W [count, hidden] is overwritten by W · diag g.
  private func read(_ weight: Buffer, _ count: Int, norm: Buffer, _ basis: KeptBasis, into target: Buffer) {
    scale(weight, count, by: norm)
    workers.multiply(
      weight.rows(hidden), .plain, basis.rows, .transposed, into: target.rows(basis.width), m: count,
      n: basis.width, k: hidden)
  }

  private func scale(_ weight: Buffer, _ count: Int, by norm: Buffer) {
    let hidden = hidden
    workers.ranges(count, grain: 64) { range, _ in
      for row in range {
        let values = weight.base + row * hidden
        for column in 0..<hidden { values[column] *= norm.base[column] }
      }
    }
  }

  /// B W, with W [hidden, columns], or B b.
  private func write(_ parameter: NamedParameter, _ basis: KeptBasis, into target: Buffer) {
    let columns = parameter.columns
    workers.multiply(
      basis.rows, .plain, Rows(parameter.base, stride: columns), .plain, into: target.rows(columns),
      m: basis.width, n: columns, k: hidden)
  }

  private func shortcut(_ here: KeptBasis, _ next: KeptBasis, into target: Buffer) {
    workers.multiply(
      here.rows, .plain, next.rows, .transposed, into: target.rows(next.width), m: here.width, n: next.width,
      k: hidden)
  }

  // MARK: - Ends

  private func writeEmbedding(_ basis: KeptBasis, _ body: Body) throws {
    let tensor = try decoder.checkpoint.tensor(named: "model.embed_tokens.weight")
    try rewrite(tensor, as: "model.embed_tokens.weight", basis, body) { piece, rows in
      if walk.request.centersEmbeddings { walk.center(piece.rows(hidden), rows: rows) }
    }
  }

  private func writeHead(_ basis: KeptBasis, _ body: Body) throws {
    let norm = try decoder.finalNorm()
    try rewrite(try decoder.head(), as: "lm_head.weight", basis, body) { piece, rows in
      scale(piece, rows, by: norm)
    }
  }

  /// Calls `body` with W Bᵀ of a matrix [vocabulary, hidden], in pieces. `prepare` changes each piece first.
  private func rewrite(
    _ tensor: StoredTensor, as name: String, _ basis: KeptBasis, _ body: Body,
    prepare: (_ piece: Buffer, _ rows: Int) -> Void
  ) throws {
    let most = min(Self.pieceRows, tensor.rows)
    let (piece, turned) = (Buffer(most * hidden), Buffer(most * basis.width))
    for start in stride(from: 0, to: tensor.rows, by: Self.pieceRows) {
      let range = start..<min(tensor.rows, start + Self.pieceRows)
      try tensor.dequantize(rows: .range(range), into: piece.prefix(range.count * hidden))
      prepare(piece, range.count)
      workers.multiply(
        piece.rows(hidden), .plain, basis.rows, .transposed, into: turned.rows(basis.width), m: range.count,
        n: basis.width, k: hidden)
      try body(name, UnsafeBufferPointer(start: turned.base, count: range.count * basis.width))
    }
  }
}
