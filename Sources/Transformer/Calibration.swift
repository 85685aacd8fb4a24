import Checkpoints
import Kernels
import Tensors

/// The statistics that a calibration pass gathers, and from which text.
public struct CalibrationRequest {
  /// Token ids. Each sequence starts at position 0 and predicts its tokens from the second on.
  public var sequences: [[Int32]]
  /// Sequences of a mini-batch. Its mean cross-entropy is one loss; the gradient is the sum over mini-batches.
  public var batchSize: Int
  public var gradients: Gradients
  /// Bytes of activations kept between forward and backward. The others are recomputed.
  public var activationLimit: Int
  /// Bytes of the residual stream kept in memory between forward and backward. A longer stream goes to a file without a name
  /// in `scratchFolder`.
  public var streamLimit = 1 << 30
  /// nil: the stream stays in memory.
  public var scratchFolder: String?
  /// Statistics of the inputs of projections.
  public var inputs: Set<InputStatistics> = []
  /// The gatherers of the statistics.
  public internal(set) var gatherers: [Gatherer] = []
  /// Whether to measure the cosine of the residual stream before and behind each sublayer.
  public var blockCosines = false
  /// Measure the change of the output when each unit of these families is removed.
  public var removals: Set<Family> = []
  /// Bytes of the residual streams of models without one unit. Those of one layer always go together.
  public var removalLimit = 1 << 30
  /// Which labels the output-gradient Gram matrices use.
  public var outputGradients: Set<Labels> = []
  /// The seed of labels drawn from the model.
  public var seed: UInt64 = 0

  public enum Gradients: Sendable {
    case none
    /// Σ over mini-batches of the gradient of the mini-batch's mean cross-entropy.
    case sum
    /// `sum`, and the mean over sequences of the square of the gradient of the sequence's mean cross-entropy.
    case sumAndSquares
  }

  public init(
    sequences: [[Int32]], batchSize: Int, gradients: Gradients, activationLimit: Int = 256 << 20
  ) {
    self.sequences = sequences
    self.batchSize = max(1, batchSize)
    self.gradients = gradients
    self.activationLimit = activationLimit
  }

  package var goesBack: Bool { gradients != .none || !outputGradients.isEmpty }
  /// The losses whose gradients go back.
  var labels: [Labels] {
    Labels.allCases.filter { outputGradients.contains($0) || ($0 == .data && gradients != .none) }
  }
}

/// A layer's weights and the statistics that the request asked for; nil or empty otherwise. Valid while the pass is at
/// the layer.
public struct CalibratedLayer {
  public let layer: Int
  public let weights: LayerParameters
  public internal(set) var gradients: LayerParameters?
  public internal(set) var squares: LayerParameters?
  public internal(set) var inputs: LayerInputs?
  public internal(set) var cosines: BlockCosines?
  public internal(set) var outputGradients: [Labels: OutputGradients] = [:]
  public internal(set) var removals: [Family: OutputChange] = [:]
  var gatherers: [Gatherer] = []
}

public struct CalibrationResult {
  public let distances: LayerDistances
  /// [mini-batches]: the mean cross-entropy in nats. Empty unless gradients with the data's labels were asked for.
  public let losses: [Double]
}

extension Decoder {
  /// Takes the calibration sequences through one layer after another: forward, keeping each layer's input, and back, with
  /// the layer's activations recomputed from it.
  ///
  /// `visit` gets each layer once, on the way back, from the last to the first. Where nothing goes back it gets layers on the
  /// way forward, without gradients. An empty layer is left out; its distances are those of a stream from itself.
  ///
  /// - Throws: `DecoderError`, `CheckpointError`, `ScratchMemory.Failure`, and what `visit` and `observer` throw.
  public func calibrate(
    _ request: CalibrationRequest, workers: Workers, observer: PassObserver = { _ in },
    visit: (CalibratedLayer) throws -> Void
  ) throws -> CalibrationResult {
    try requireUnsliced()
    try check(request.sequences)
    let changes = try outputChanges(request, workers: workers, observer: observer)
    let pass = try CalibrationPass(self, request, workers)
    return try pass.run(observer: observer) { layer in
      var layer = layer
      layer.gatherers = request.gatherers
      if changes.indices.contains(layer.layer) { layer.removals = changes[layer.layer] }
      try visit(layer)
    }
  }
}

extension Decoder {
  /// A layer as a calibration pass would show it, with zeros for everything computed. It tells before a pass whether a plugin
  /// takes layers of this shape with these statistics.
  package func blankLayer(_ layer: Int, for request: CalibrationRequest) -> CalibratedLayer {
    let sizes = sizes(layer)
    func parameters() -> LayerParameters { LayerParameters(roomFor: [sizes]) }
    let inputs = InputAccumulator(request.inputs, roomFor: [sizes], workers: Workers(count: 1))
    inputs.begin(sizes)
    var blank = CalibratedLayer(
      layer: layer, weights: parameters(), gradients: request.gradients == .none ? nil : parameters(),
      squares: request.gradients == .sumAndSquares ? parameters() : nil,
      inputs: request.inputs.isEmpty ? nil : inputs.finish(),
      cosines: request.blockCosines ? BlockCosines(attention: 0, mlp: 0, layer: 0) : nil,
      gatherers: request.gatherers)
    for labels in request.outputGradients {
      blank.outputGradients[labels] = OutputGradients(
        attention: Buffer(hidden * hidden), mlp: Buffer(hidden * hidden))
    }
    for family in request.removals { blank.removals[family] = OutputChange(angle: 0, norm: 0) }
    return blank
  }

  /// Checks that a pass takes these sequences: ids and lengths.
  /// - Throws: `DecoderError.tokenOutOfRange`, `DecoderError.sequenceTooShort`.
  package func requireReadable(_ sequences: [[Int32]]) throws { try check(sequences) }
}

private final class CalibrationPass {
  let decoder: Decoder
  let request: CalibrationRequest
  let workers: Workers
  let blocks: Blocks
  let sizes: [LayerSizes]
  let workspace: LayerWorkspace
  let store: ActivationStore
  /// nil if the request has no input statistics.
  let inputs: InputAccumulator?
  /// [layers that the forward pass has done]; empty if not asked for.
  var cosines: [BlockCosines] = []
  /// The input of each layer and the output of the last: [layers + 1][rows, hidden].
  let stream: ResidualStream
  var lossGradients: [LossGradient] = []
  /// [rows]: the mini-batch of each row.
  let batchOfRow: [Int]
  let batches: Int

  /// One loss on its way back.
  struct LossGradient {
    let labels: Labels
    /// The memory of `d`; nil where that is the stream's.
    let own: Buffer?
    /// [rows, hidden]: the gradient of the last layer's output. Each layer turns it into that of its input.
    let d: UnsafeMutablePointer<Float>
    let outputs: OutputGradientSums?
  }

  init(_ decoder: Decoder, _ request: CalibrationRequest, _ workers: Workers) throws(ScratchMemory.Failure) {
    self.decoder = decoder
    self.request = request
    self.workers = workers
    blocks = Blocks(request.sequences, tokens: Blocks.usualTokens)
    sizes = decoder.allSizes
    workspace = LayerWorkspace(decoder, blocks, workers: workers)
    inputs =
      request.inputs.isEmpty ? nil : InputAccumulator(request.inputs, roomFor: sizes, workers: workers)
    store = ActivationStore(
      layers: sizes, tokens: blocks.rows, limit: request.goesBack ? request.activationLimit : 0)
    stream = try ResidualStream(
      layers: request.goesBack ? decoder.layerCount + 1 : 2, count: blocks.rows * decoder.hidden,
      limit: request.streamLimit, folder: request.scratchFolder)
    batchOfRow = request.sequences.enumerated().flatMap { index, sequence in
      [Int](repeating: index / request.batchSize, count: sequence.count)
    }
    batches = (batchOfRow.last ?? -1) + 1
  }

  var hidden: Int { decoder.hidden }
  private var activations: LayerActivations { workspace.activations }

  func run(
    observer: PassObserver, visit: (CalibratedLayer) throws -> Void
  ) throws -> CalibrationResult {
    try decoder.embed(request.sequences.flatMap(\.self), into: stream.entering(0))
    var distances = LayerDistances(cosine: [], euclidean: [], manhattan: [])
    for layer in 0..<decoder.layerCount {
      try forward(layer, &distances)
      stream.putAside(layer)
      if !request.goesBack, !sizes[layer].isEmpty { try visit(calibrated(layer)) }
      try observer(PassProgress(phase: .forward, done: layer + 1, total: decoder.layerCount))
    }
    guard request.goesBack else { return CalibrationResult(distances: distances, losses: []) }
    let losses = try head(observer)
    try backward(observer, visit)
    return CalibrationResult(distances: distances, losses: losses)
  }

  private func calibrated(_ layer: Int) -> CalibratedLayer {
    CalibratedLayer(
      layer: layer, weights: workspace.weights, inputs: inputs?.finish(),
      cosines: request.blockCosines ? cosines[layer] : nil)
  }

  // MARK: - Forward

  private func forward(_ layer: Int, _ distances: inout LayerDistances) throws {
    let pass = try workspace.at(layer)
    let (input, output) = (stream.entering(layer), stream.entering(layer + 1))
    // With gradients the layer comes by once more. Its statistics are gathered then, so that they need not wait in memory.
    let gathers = !request.goesBack
    if gathers { inputs?.begin(pass.sizes) }
    var cosineSums = CosineSums()
    for block in blocks.all {
      let offset = block.firstRow * hidden
      activations.use(store.slice(layer: layer, firstToken: block.firstRow))
      pass.forward(
        Rows(input + offset, stride: hidden), block.sequences, .output(Rows(output + offset, stride: hidden)))
      if gathers { inputs?.add(block.sequences, activations) }
      if request.blockCosines {
        cosineSums.add(
          input + offset, activations.middle, output + offset, block.sequences.tokens, hidden, workers)
      }
    }
    if request.blockCosines { cosines.append(cosineSums.means) }
    measure(input, output, &distances)
  }

  private func measure(
    _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ distances: inout LayerDistances
  ) {
    let rows = RowDistances(x, y, rows: blocks.rows, hidden: hidden, workers)
    func sumOfMeans(_ values: ArraySlice<Double>) -> Double {
      var sums = [Double](repeating: 0, count: batches)
      var counts = sums
      for (value, batch) in zip(values, batchOfRow) {
        sums[batch] += value
        counts[batch] += 1
      }
      return zip(sums, counts).reduce(0) { $0 + $1.0 / $1.1 }
    }
    distances.cosine.append(sumOfMeans(rows.cosine))
    distances.euclidean.append(sumOfMeans(rows.euclidean))
    distances.manhattan.append(sumOfMeans(rows.manhattan))
  }

  // MARK: - Head

  /// [mini-batches]: the predicted tokens.
  private var predictedTokens: [Int] {
    var counts = [Int](repeating: 0, count: batches)
    for (index, sequence) in request.sequences.enumerated() {
      counts[index / request.batchSize] += sequence.count - 1
    }
    return counts
  }

  /// Fills `lossGradients`. Returns each mini-batch's mean loss with the data's labels, if these are asked for.
  private func head(_ observer: PassObserver) throws -> [Double] {
    let counts = predictedTokens
    let head = try Head(decoder, workers: workers)
    let leaving = stream.entering(decoder.layerCount)
    let count = blocks.rows * hidden
    var losses: [Double] = []
    // The last loss may overwrite the last layer's output.
    for labels in request.labels.reversed() {
      let own = labels == request.labels.first ? nil : Buffer(count)
      own?.base.update(from: leaving, count: count)
      let gradient = LossGradient(
        labels: labels, own: own, d: own?.base ?? leaving,
        outputs: request.outputGradients.contains(labels)
          ? OutputGradientSums(hidden: hidden, workers: workers) : nil)
      lossGradients.append(gradient)
      var predictions = Prediction.all(of: request.sequences) { 1 / Float(counts[$0 / request.batchSize]) }
      if labels == .model {
        predictions = try head.drawn(gradient.d, predictions, seed: request.seed)
      }
      let found = try head.losses(gradient.d, rows: blocks.rows, predictions, backward: true) {
        try observer(PassProgress(phase: .head, done: $0, total: predictions.count))
      }
      guard labels == .data else { continue }
      losses = [Double](repeating: 0, count: batches)
      for (prediction, loss) in zip(predictions, found.crossEntropies) {
        losses[batchOfRow[prediction.row]] += loss
      }
    }
    return zip(losses, counts).map { $0 / Double($1) }
  }

  // MARK: - Backward

  private func backward(_ observer: PassObserver, _ visit: (CalibratedLayer) throws -> Void) throws {
    let squaresWanted = request.gradients == .sumAndSquares
    let gradients = LayerParameters(roomFor: sizes)
    let squares = squaresWanted ? LayerParameters(roomFor: sizes) : nil
    // Gradients of norms and biases with the model's own labels, which nobody uses.
    let unused = request.labels.contains(.model) ? LayerParameters(roomFor: sizes) : nil
    let space = GradientSpace(roomFor: sizes, tokens: blocks.mostTokens, singleSequences: squaresWanted)
    let counts = predictedTokens
    for layer in (0..<decoder.layerCount).reversed() {
      let pass = try workspace.at(layer)
      for parameters in [gradients, squares, unused].compactMap(\.self) {
        parameters.sizes = pass.sizes
        parameters.zero()
      }
      let input = stream.entering(layer)
      stream.fetch(before: layer)
      inputs?.begin(pass.sizes)
      for gradient in lossGradients { gradient.outputs?.begin() }
      for block in blocks.all {
        let offset = block.firstRow * hidden
        let x = Rows(input + offset, stride: hidden)
        let kept = store.slice(layer: layer, firstToken: block.firstRow)
        activations.use(kept)
        pass.forward(x, block.sequences, .activations(productsKept: kept != nil))
        inputs?.add(block.sequences, activations)
        let matrices: GradientTarget.Matrices =
          request.gradients == .none
          ? .none
          : squares.map {
            .sumAndSquares($0, factors: block.indices.map { squareFactor(sequence: $0, counts) })
          } ?? .sum
        for gradient in lossGradients {
          gradient.outputs?.begin(
            block.sequences, factors: block.indices.map { Float(counts[$0 / request.batchSize]) })
          let target =
            gradient.labels == .data
            ? GradientTarget(sum: gradients, matrices: matrices, outputs: gradient.outputs)
            : GradientTarget(sum: unused ?? gradients, matrices: .none, outputs: gradient.outputs)
          pass.backward(
            x, Rows(gradient.d + offset, stride: hidden), block.sequences, into: target, space,
            inputGradient: layer > 0)
        }
      }
      store.release(layer: layer)
      if !sizes[layer].isEmpty {
        var calibrated = calibrated(layer)
        calibrated.gradients = request.gradients == .none ? nil : gradients
        calibrated.squares = squares
        for gradient in lossGradients {
          calibrated.outputGradients[gradient.labels] = gradient.outputs?.finish()
        }
        try visit(calibrated)
      }
      stream.release(layer)
      try observer(
        PassProgress(phase: .backward, done: decoder.layerCount - layer, total: decoder.layerCount))
    }
  }

  /// The factor from the square of a sequence's part in its mini-batch's gradient to its part in the mean of squares. The
  /// sequence's own mean has the weight (its predicted tokens) / (the mini-batch's) in that of the mini-batch.
  private func squareFactor(sequence index: Int, _ counts: [Int]) -> Float {
    let weight = Float(request.sequences[index].count - 1) / Float(counts[index / request.batchSize])
    return 1 / (weight * weight * Float(request.sequences.count))
  }
}
