import Checkpoints
import Kernels
import Tensors

/// What a calibration pass is asked for.
public struct CalibrationRequest {
  /// Token ids; each sequence starts at position 0 and predicts its tokens from the second on.
  public var sequences: [[Int32]]
  /// Sequences whose mean cross-entropy is one loss; the gradient is the sum over these mini-batches.
  public var batchSize: Int
  public var gradients: Gradients
  /// Bytes that activations may take between forward and backward; what does not fit is recomputed.
  public var activationLimit: Int
  /// Bytes that the residual stream may take in memory between forward and backward; what enters the layers goes to a file
  /// without a name in `scratchFolder` beyond that.
  public var streamLimit = 1 << 30
  /// nil: it stays in memory, however large.
  public var scratchFolder: String?
  /// What to gather about the inputs of projections.
  public var inputs: Set<InputStatistics> = []
  /// What the statistics that were asked for are handed out by.
  public internal(set) var gatherers: [Gatherer] = []
  /// Whether to measure how far each sublayer turns the residual stream.
  public var blockCosines = false
  /// Families of whole sublayers or layers, of each of whose units to measure how the output changes without it.
  public var removals: Set<Family> = []
  /// Bytes that the residual streams of the models without one unit may take; those of one layer always go together.
  public var removalLimit = 1 << 30
  /// With whose labels to gather the Gram matrices of the gradients at output projections.
  public var outputGradients: Set<Labels> = []
  /// What labels drawn from the model depend on.
  public var seed: UInt64 = 0

  public enum Gradients: Sendable {
    case none
    /// Σ over mini-batches of the gradient of the mini-batch's mean cross-entropy.
    case sum
    /// That, and the mean over single sequences of the square of the gradient of the sequence's mean cross-entropy.
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
  /// The losses whose gradients go back; where nobody asks for the data's, those are not made.
  var labels: [Labels] {
    Labels.allCases.filter { outputGradients.contains($0) || ($0 == .data && gradients != .none) }
  }
}

/// A layer's weights and gradients, valid while the pass is at that layer.
public struct CalibratedLayer {
  public let layer: Int
  public let weights: LayerParameters
  /// nil if no gradients were asked for.
  public let gradients: LayerParameters?
  public let squares: LayerParameters?
  /// What was asked for of its projections' inputs; nil if nothing was.
  public let inputs: LayerInputs?
  /// nil if not asked for.
  public let cosines: BlockCosines?
  /// Of those labels that were asked for.
  public let outputGradients: [Labels: OutputGradients]
  /// Of the families that were asked for.
  public var removals: [Family: OutputChange] = [:]
  /// Of the statistics that were asked for.
  var gatherers: [Gatherer] = []
}

public struct CalibrationResult {
  public let distances: LayerDistances
  /// Mean cross-entropy of each mini-batch, in nats; empty unless gradients with the data's labels were asked for.
  public let losses: [Double]
}

extension Decoder {
  /// One pass over the calibration sequences, a layer at a time: forward, keeping each layer's input, and back
  /// again, with a layer's activations recomputed from it. `visit` sees each layer once, from the last to the first,
  /// with its weights and gradients; these are gone when it returns. Where nothing goes back it sees layers on the way
  /// forward, from the first to the last, without gradients. A layer that has nothing left is not shown; its distances are those of a stream from itself.
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

/// The state of one calibration pass.
private final class CalibrationPass {
  let decoder: Decoder
  let request: CalibrationRequest
  let workers: Workers
  let blocks: Blocks
  let sizes: [LayerSizes]
  let workspace: LayerWorkspace
  let store: ActivationStore
  /// nil if nothing is asked for.
  let inputs: InputAccumulator?
  /// [layers], as far as the forward pass has come; empty if not asked for.
  var cosines: [BlockCosines] = []
  /// What enters each layer, and at the end what leaves the last: [layers + 1][rows, hidden].
  let stream: ResidualStream
  var lossGradients: [LossGradient] = []
  /// For each row its mini-batch.
  let batchOfRow: [Int]
  let batches: Int

  /// One loss on its way back.
  struct LossGradient {
    let labels: Labels
    /// Where `d` lies, if not where the stream lay.
    let own: Buffer?
    /// [rows, hidden]: the gradient of what leaves the last layer, turned layer by layer into that of what enters the
    /// first.
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
    let backward = request.goesBack
    inputs =
      request.inputs.isEmpty ? nil : InputAccumulator(request.inputs, roomFor: sizes, workers: workers)
    store = ActivationStore(
      layers: sizes, tokens: blocks.rows, limit: backward ? request.activationLimit : 0)
    stream = try ResidualStream(
      layers: backward ? decoder.layerCount + 1 : 2, count: blocks.rows * decoder.hidden,
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

  private func calibrated(
    _ layer: Int, gradients: LayerParameters? = nil, squares: LayerParameters? = nil,
    outputGradients: [Labels: OutputGradients] = [:]
  ) -> CalibratedLayer {
    CalibratedLayer(
      layer: layer, weights: workspace.weights, gradients: gradients, squares: squares,
      inputs: inputs?.finish(),
      cosines: request.blockCosines ? cosines[layer] : nil, outputGradients: outputGradients)
  }

  // MARK: - Forward

  private func forward(_ layer: Int, _ distances: inout LayerDistances) throws {
    let pass = try workspace.at(layer)
    let (input, output) = (stream.entering(layer), stream.entering(layer + 1))
    // With gradients the activations come by once more, and its statistics need not wait for it in memory.
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
    func sumOfMeans(_ values: [Double]) -> Double {
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

  /// Predicted tokens of each mini-batch.
  private var predictedTokens: [Int] {
    var counts = [Int](repeating: 0, count: batches)
    for (index, sequence) in request.sequences.enumerated() {
      counts[index / request.batchSize] += sequence.count - 1
    }
    return counts
  }

  /// Fills `lossGradients`, and answers each mini-batch's mean loss with the data's labels, if these are asked for.
  private func head(_ observer: PassObserver) throws -> [Double] {
    let counts = predictedTokens
    let head = try Head(decoder, workers: workers)
    let leaving = stream.entering(decoder.layerCount)
    let count = blocks.rows * hidden
    var losses: [Double] = []
    // The last of them may overwrite what leaves the last layer.
    for labels in request.labels.reversed() {
      let own = labels == request.labels.first ? nil : Buffer(count)
      own?.base.update(from: leaving, count: count)
      let gradient = LossGradient(
        labels: labels, own: own, d: own?.base ?? leaving,
        outputs: request.outputGradients.contains(labels)
          ? OutputGradientSums(hidden: hidden, workers: workers) : nil)
      lossGradients.append(gradient)
      var predictions = predictions(counts)
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

  private func predictions(_ counts: [Int]) -> [Prediction] {
    var predictions: [Prediction] = []
    var row = 0
    for (index, sequence) in request.sequences.enumerated() {
      let weight = 1 / Float(counts[index / request.batchSize])
      for position in 1..<sequence.count {
        predictions.append(
          Prediction(row: row + position - 1, target: sequence[position], weight: weight))
      }
      row += sequence.count
    }
    return predictions
  }

  // MARK: - Backward

  private func backward(_ observer: PassObserver, _ visit: (CalibratedLayer) throws -> Void) throws {
    let squaresWanted = request.gradients == .sumAndSquares
    let gradients = LayerParameters(roomFor: sizes)
    let squares = squaresWanted ? LayerParameters(roomFor: sizes) : nil
    // What the model's own labels say of the weights is nobody's business.
    let unused = request.labels.contains(.model) ? LayerParameters(roomFor: sizes) : nil
    let space = GradientSpace(
      roomFor: sizes, tokens: blocks.mostTokens, singleSequences: squaresWanted)
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
        try visit(
          calibrated(
            layer, gradients: request.gradients == .none ? nil : gradients, squares: squares,
            outputGradients: Dictionary(
              uniqueKeysWithValues: lossGradients.compactMap { gradient in
                gradient.outputs.map { (gradient.labels, $0.finish()) }
              })))
      }
      stream.release(layer)
      try observer(
        PassProgress(
          phase: .backward, done: decoder.layerCount - layer, total: decoder.layerCount))
    }
  }

  /// What makes of the square of a sequence's part in its mini-batch's gradient its part in the mean of squares. The
  /// mini-batch's mean holds the sequence's own mean with the weight (its predicted tokens) / (the mini-batch's).
  private func squareFactor(sequence index: Int, _ counts: [Int]) -> Float {
    let weight = Float(request.sequences[index].count - 1) / Float(counts[index / request.batchSize])
    return 1 / (weight * weight * Float(request.sequences.count))
  }
}
