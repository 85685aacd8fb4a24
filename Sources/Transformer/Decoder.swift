import Checkpoints
import Synchronization
import Tensors

/// A model that can be pruned: a checkpoint and, for each layer, the units that stay. Weights are widened a layer at a
/// time, gathered by those units; nothing is copied until the model is saved.
public final class Decoder {
  public let checkpoint: Checkpoint
  public var configuration: ModelConfiguration { checkpoint.configuration }
  /// The units that stay, as positions in the checkpoint's layers, ascending.
  public private(set) var selected: [KeptUnits]
  private let source: ModelOrigin?

  /// - Parameter origin: if the checkpoint is a pruned model that an earlier stage wrote.
  /// - Throws: `DecoderError.emptyModel` if no layer of the checkpoint has attention or an MLP,
  ///   `DecoderError.wrongOrigin` if the origin's counts are not the checkpoint's.
  public init(_ checkpoint: Checkpoint, origin: ModelOrigin? = nil) throws {
    self.checkpoint = checkpoint
    source = origin
    selected = checkpoint.configuration.layers.map {
      KeptUnits(groups: Array(0..<$0.keyValueHeads), channels: Array(0..<$0.intermediateSize))
    }
    guard !selected.allSatisfy(\.isEmpty) else { throw DecoderError.emptyModel(file: checkpoint.location) }
    if let origin {
      let fits =
        origin.kept.count == selected.count && origin.groupCounts.count == selected.count
        && origin.channelCounts.count == selected.count
        && zip(origin.kept, selected).allSatisfy {
          $0.groups.count == $1.groups.count && $0.channels.count == $1.channels.count
        }
      guard fits else { throw DecoderError.wrongOrigin(file: checkpoint.location) }
    }
  }

  /// The same model by itself: what is kept of this one later leaves it as it is.
  public func copy() throws -> Decoder {
    let copy = try Decoder(checkpoint, origin: source)
    copy.selected = selected
    return copy
  }

  /// The model as the checkpoint has it, by itself.
  public func whole() throws -> Decoder { try Decoder(checkpoint, origin: source) }

  public var layerCount: Int { selected.count }

  /// The units that stay, as indices into the original model's layers, ascending.
  public var kept: [KeptUnits] {
    guard let source else { return selected }
    return zip(source.kept, selected).map { original, selected in
      KeptUnits(
        groups: selected.groups.map { original.groups[$0] },
        channels: selected.channels.map { original.channels[$0] })
    }
  }

  /// How many units of a family the original model's layer had; 0 where it had no such sublayer.
  public func originalCount(of family: Family, layer: Int) -> Int {
    switch family {
    case .attention: source?.groupCounts[layer] ?? configuration.layers[layer].keyValueHeads
    case .mlp: source?.channelCounts[layer] ?? configuration.layers[layer].intermediateSize
    case .attentionBlock, .mlpBlock, .layer:
      family.widths.contains { originalCount(of: $0, layer: layer) > 0 } ? 1 : 0
    }
  }

  /// What a checkpoint of the model as it is now was cut from.
  public var origin: ModelOrigin {
    ModelOrigin(
      kept: kept, groupCounts: (0..<layerCount).map { originalCount(of: .attention, layer: $0) },
      channelCounts: (0..<layerCount).map { originalCount(of: .mlp, layer: $0) })
  }
  public var hidden: Int { configuration.hiddenSize }
  /// Whether the residual stream was sliced: such a model runs, and is not changed any more.
  public var isSliced: Bool { configuration.residualWidths != nil }
  /// Columns of the embedding, and of the head.
  var embeddingWidth: Int { configuration.residualWidths?.layer(0).input ?? hidden }
  var headWidth: Int { configuration.residualWidths?.head ?? hidden }

  /// - Throws: `DecoderError.sliced`.
  func requireUnsliced() throws {
    if isSliced { throw DecoderError.sliced(file: checkpoint.location) }
  }

  public var vocabulary: Int { configuration.vocabularySize }

  /// Keeps, of the units that a layer has now, those at these positions; ascending, at least one. Of a family of whole
  /// sublayers it may be none: then these leave.
  /// - Throws: `DecoderError.badSelection`; `DecoderError.emptyModel` if no layer would have anything left.
  public func keep(_ positions: [Int], of family: Family, layer: Int) throws {
    try requireUnsliced()
    guard selected.indices.contains(layer) else {
      throw DecoderError.badSelection(layer: layer, family: family)
    }
    let units = selected[layer].units(of: family)
    guard !positions.isEmpty || family.isWhole, zip(positions, positions.dropFirst()).allSatisfy(<),
      positions.allSatisfy(units.indices.contains)
    else { throw DecoderError.badSelection(layer: layer, family: family) }
    if family.isWhole {
      guard positions.isEmpty else { return }
      var rest = selected
      rest[layer].set([], of: family)
      try requireAnything(of: rest)
      selected = rest
    } else {
      selected[layer].set(positions.map { units[$0] }, of: family)
    }
  }

  private func requireAnything(of units: [KeptUnits]) throws {
    guard !units.allSatisfy(\.isEmpty) else { throw DecoderError.emptyModel(file: checkpoint.location) }
  }

  /// Keeps exactly these units, as positions in the checkpoint's layers: for a run that is taken up again. A sublayer
  /// without any has been removed.
  /// - Throws: `DecoderError.badSelection`, `DecoderError.wrongOrigin` if the number of layers differs,
  ///   `DecoderError.emptyModel`.
  public func select(_ units: [KeptUnits]) throws {
    guard units.count == layerCount else { throw DecoderError.wrongOrigin(file: checkpoint.location) }
    try requireAnything(of: units)
    for (layer, units) in units.enumerated() {
      let shape = configuration.layers[layer]
      for (family, positions, count) in [
        (Family.attention, units.groups, shape.keyValueHeads), (.mlp, units.channels, shape.intermediateSize),
      ] {
        guard zip(positions, positions.dropFirst()).allSatisfy(<),
          positions.allSatisfy((0..<count).contains)
        else { throw DecoderError.badSelection(layer: layer, family: family) }
      }
    }
    selected = units
  }

  /// The sizes of a layer as it is now.
  public func sizes(_ layer: Int) -> LayerSizes {
    var sizes = configuration.sizes(layer)
    let groups = selected[layer].groups.count
    sizes.shape.queryHeads = groups * sizes.shape.repeats
    sizes.shape.keyValueHeads = groups
    sizes.shape.intermediateSize = selected[layer].channels.count
    return sizes
  }

  public var allSizes: [LayerSizes] { (0..<layerCount).map(sizes) }

  /// Parameters now; a tied embedding counts once.
  public var parameters: Int {
    let ends =
      vocabulary * embeddingWidth + (configuration.tiedEmbeddings ? 0 : vocabulary * headWidth)
      + (isSliced ? 0 : hidden)
    return ends + allSizes.reduce(0) { $0 + $1.parameters }
  }

  /// Multiply-accumulates a token in the projections and the head; attention over the context comes on top.
  public var multiplyAccumulates: Int {
    vocabulary * headWidth + allSizes.reduce(0) { $0 + $1.multiplyAccumulates }
  }

  /// The configuration of the model as it is now, layers that have nothing left included.
  public var prunedConfiguration: ModelConfiguration {
    var result = configuration
    result.layers = allSizes.map(\.shape)
    return result
  }

  // MARK: - Weights

  /// Takes the checkpoint's pages out of this process's memory, once its weights have been copied.
  func releasePages() {
    for name in checkpoint.tensorNames { (try? checkpoint.tensor(named: name))?.releasePages() }
  }

  /// Widens a layer to float32, its kept rows and columns gathered, on all threads.
  /// - Throws: `CheckpointError`.
  func widen(layer: Int, into parameters: LayerParameters, workers: Workers) throws {
    parameters.sizes = sizes(layer)
    if isSliced {
      for norm in ParameterSlot.norms.map(parameters.weight) {
        norm.base.update(repeating: 1, count: norm.count)
      }
    }
    let stored = configuration.sizes(layer)
    // Rows are cut into parts, so that a layer's few large matrices keep all threads busy.
    var pieces: [(parameter: NamedParameter, tensor: StoredTensor, above: Int, rows: Range<Int>)] = []
    for parameter in parameters.named {
      let tensor = try checkpoint.tensor(named: "model.layers.\(layer).\(parameter.spec.tensor)")
      let above = parameter.spec.fused?.above.reduce(0) { $0 + stored[$1] } ?? 0
      for start in stride(from: 0, to: parameter.rows, by: parameter.isVector ? parameter.rows : 256) {
        let end = parameter.isVector ? parameter.rows : min(parameter.rows, start + 256)
        pieces.append((parameter, tensor, above, start..<end))
      }
    }
    var selections: [LayerDimension: [Int]] = [:]
    for dimension in LayerDimension.allCases { selections[dimension] = kept(dimension, layer) }
    let failure = FirstError()
    workers.run(pieces.count) { index, _ in
      let (parameter, tensor, above, rows) = pieces[index]
      let target = UnsafeMutableBufferPointer(
        start: parameter.base + rows.lowerBound * parameter.columns, count: rows.count * parameter.columns)
      let selection = selections[parameter.spec.rows]
      do {
        try tensor.widen(
          rows: selection.map { .rows($0[rows].map { above + $0 }) }
            ?? .range(above + rows.lowerBound..<above + rows.upperBound),
          columns: parameter.spec.columns.flatMap { selections[$0] }, into: target)
      } catch { failure.keep(error) }
    }
    try failure.rethrow()
  }

  /// The checkpoint's indices of the rows or columns that stay; nil if all do.
  func kept(_ dimension: LayerDimension, _ layer: Int) -> [Int]? {
    let stored = configuration.sizes(layer)
    guard let (family, width) = units(of: dimension, layer) else { return nil }
    let kept = selected[layer].units(of: family)
    return kept.count * width == stored[dimension]
      ? nil : kept.flatMap { $0 * width..<($0 + 1) * width }
  }

  /// Whose units own rows or columns of a layer, and how many each has; nil if they are nobody's.
  func units(of dimension: LayerDimension?, _ layer: Int) -> (family: Family, width: Int)? {
    guard let dimension, let owner = dimension.owner else { return nil }
    return configuration.sizes(layer).perUnit(dimension).map { (Family(owner), $0) }
  }

  /// Embeddings of tokens, [tokens, hidden], with zeros behind the embedding's width where the model is sliced.
  /// - Throws: `DecoderError.tokenOutOfRange`, `CheckpointError`.
  func embed(_ tokens: [Int32], into target: UnsafeMutablePointer<Float>) throws {
    if let wrong = tokens.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw DecoderError.tokenOutOfRange(token: Int(wrong), vocabulary: vocabulary)
    }
    if isSliced { target.update(repeating: 0, count: tokens.count * hidden) }
    try checkpoint.tensor(named: "model.embed_tokens.weight").widen(
      rows: .rows(tokens.map(Int.init)),
      into: UnsafeMutableBufferPointer(start: target, count: tokens.count * hidden), rowStride: hidden)
  }

  /// The matrix that turns hidden states into logits, [vocabulary, headWidth].
  func head() throws -> StoredTensor {
    try checkpoint.tensor(
      named: configuration.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight")
  }

  func finalNorm() throws -> Buffer {
    let norm = Buffer(hidden)
    guard !isSliced else {
      norm.base.update(repeating: 1, count: hidden)
      return norm
    }
    try checkpoint.tensor(named: "model.norm.weight")
      .widen(into: UnsafeMutableBufferPointer(start: norm.base, count: hidden))
    return norm
  }
}

/// The first error that parts of a parallel loop met.
final class FirstError: @unchecked Sendable {
  private let lock = Mutex<Void>(())
  private var error: (any Error)?

  func keep(_ error: any Error) { lock.withLock { _ in self.error = self.error ?? error } }
  func rethrow() throws { if let error { throw error } }
}

public enum DecoderError: Error, Equatable, CustomStringConvertible {
  case emptyModel(file: String)
  case badSelection(layer: Int, family: Family)
  case tokenOutOfRange(token: Int, vocabulary: Int)
  case sequenceTooShort(index: Int, length: Int)
  case cancelled
  case tooLarge(file: String)
  case noRoom(tokens: Int, longest: Int, room: TrainingRoom)
  case wrongOrigin(file: String)
  case noTargets
  case nothingToTrain
  case notFinite(step: Int)
  case unlikeTeacher(what: String, teacher: Int, student: Int)
  case sliced(file: String)
  case badWidths(places: Int, hidden: Int)

  public var description: String {
    switch self {
    case .emptyModel(let file):
      "\(file): no layer has attention or an MLP, or would have one left; at least one sublayer must stay"
    case .badSelection(let layer, let family):
      "layer \(layer): the units to keep of family \(family.rawValue) must be ascending, "
        + (family.isWhole ? "" : "at least one, ") + "and among those it has"
    case .tokenOutOfRange(let token, let vocabulary):
      "token id \(token) is outside the model's vocabulary of \(vocabulary); was the text tokenized for another model?"
    case .sequenceTooShort(let index, let length):
      "sequence \(index) has \(length) token(s); at least 2 are needed to predict one"
    case .cancelled:
      "stopped on request"
    case .tooLarge(let file):
      "\(file): the embedding has more elements than this machine can count"
    case .noRoom(let tokens, let longest, let room):
      "a micro-batch of \(tokens) tokens with a sequence of \(longest) does not fit the \(room.tokens) tokens in sequences "
        + "of at most \(room.longest) that training was set up for"
    case .wrongOrigin(let file): "\(file) is not the model that the run's records describe"
    case .noTargets:
      "a training step has no token to predict: every token of it is a prompt's or a document's first"
    case .nothingToTrain:
      "there is nothing to train: no layer has any of the projections that adapters were asked for, since the sublayers "
        + "that had them were removed"
    case .notFinite(step: 1):
      "the loss or the gradient of step 1 is not finite, though this training has changed no weight yet: what the model "
        + "computes is too large for float32; did a stage before this one leave weights that are too large?"
    case .notFinite(let step):
      "the loss or the gradient of step \(step) is not finite; try a lower learning rate or a smaller max_grad_norm"
    case .unlikeTeacher(let what, let teacher, let student):
      "the teacher's \(what) is \(teacher), the student's \(student); they must be equal to be compared"
    case .sliced(let file):
      "\(file) is a model whose residual stream was sliced: it can be run, measured and saved, and neither pruned nor "
        + "trained nor transformed; take the model from before"
    case .badWidths(let places, let hidden):
      "a sliced residual stream needs \(places) widths from 1 to \(hidden), and bases of \(hidden) × \(hidden)"
    }
  }
}
