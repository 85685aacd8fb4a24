import Kernels
import Tensors

/// The largest micro-batch.
public struct TrainingRoom: Equatable, Sendable {
  /// Tokens of a micro-batch.
  public var tokens: Int
  /// Tokens of its longest sequence.
  public var longest: Int
  /// Bytes of activations kept between forward and backward. The others are recomputed.
  public var activationLimit: Int

  public init(tokens: Int, longest: Int, activationLimit: Int) {
    self.tokens = tokens
    self.longest = longest
    self.activationLimit = activationLimit
  }

  /// Tokens that go through a layer together.
  var blockTokens: Int { min(tokens, max(longest, Blocks.usualTokens)) }
}

/// The counts of the whole optimizer step, which divide its losses.
struct StepCounts {
  let targets: Int
  let tokens: Int
}

/// Forward and backward of one micro-batch through a model in training. Gradients are added to the trainee's.
final class TrainingPass {
  private let decoder: Decoder
  private let trainee: any Trainee
  private let teacher: TeacherPass?
  private let room: TrainingRoom
  private let workspace: LayerWorkspace
  private let space: GradientSpace
  private let store: ActivationStore
  /// The input of each layer and the output of the last: [layers + 1][tokens, hidden].
  private let stream: ResidualStream
  private let head: Head

  init(
    _ decoder: Decoder, _ trainee: any Trainee, teacher: TeacherPass?, room: TrainingRoom, workers: Workers
  ) throws {
    self.decoder = decoder
    self.trainee = trainee
    self.teacher = teacher
    self.room = room
    let sizes = decoder.allSizes
    workspace = LayerWorkspace(decoder, tokens: room.blockTokens, longest: room.longest, workers: workers)
    space = GradientSpace(roomFor: sizes, tokens: room.blockTokens, singleSequences: false)
    store = ActivationStore(layers: sizes, tokens: room.tokens, limit: room.activationLimit)
    stream = try ResidualStream(layers: decoder.layerCount + 1, count: room.tokens * decoder.hidden)
    head = try Head(decoder, ends: trainee.ends, workers: workers)
  }

  /// - Throws: `DecoderError`, `CheckpointError`, and what `observer` throws.
  func run(_ sequences: [TrainingSequence], _ counts: StepCounts, observer: PassObserver) throws
    -> TrainingLoss
  {
    try check(sequences)
    let tokens = sequences.flatMap(\.tokens)
    let blocks = Blocks(sequences.map(\.tokens), tokens: Blocks.usualTokens)
    try trainee.ends.embed(tokens, into: stream.entering(0))
    try teacher?.run(tokens, blocks)
    for layer in 0..<decoder.layerCount {
      try forward(layer, blocks)
      try observer(PassProgress(phase: .forward, done: layer + 1, total: decoder.layerCount))
    }
    var loss = try headLoss(sequences, rows: blocks.rows, counts, observer)
    for layer in (0..<decoder.layerCount).reversed() {
      loss.hiddenDifference += try backward(layer, blocks, counts)
      try observer(
        PassProgress(phase: .backward, done: decoder.layerCount - layer, total: decoder.layerCount))
    }
    if let gradient = trainee.embeddingGradient {
      let d = stream.entering(decoder.layerCount)
      for (row, token) in tokens.enumerated() {
        ap_add_scaled(
          d + row * decoder.hidden, Int64(decoder.hidden), decoder.embeddingScale,
          gradient.at(Int(token) * decoder.hidden))
      }
    }
    return loss
  }

  private func check(_ sequences: [TrainingSequence]) throws {
    for sequence in sequences { try decoder.check(tokens: sequence.tokens) }
    let tokens = sequences.reduce(0) { $0 + $1.tokens.count }
    let longest = sequences.map(\.tokens.count).max() ?? 0
    guard tokens <= room.tokens, longest <= room.longest else {
      throw DecoderError.noRoom(tokens: tokens, longest: longest, room: room)
    }
  }

  private func layerPass(_ layer: Int) throws -> DecoderLayer {
    workspace.pass(try trainee.weights(layer, workspace: workspace.weights, workers: workspace.workers))
  }

  private func forward(_ layer: Int, _ blocks: Blocks) throws {
    let pass = try layerPass(layer)
    let hidden = decoder.hidden
    for block in blocks.all {
      let offset = block.firstRow * hidden
      pass.activations.use(store.slice(layer: layer, firstToken: block.firstRow))
      pass.forward(
        Rows(stream.entering(layer) + offset, stride: hidden), block.sequences,
        .output(Rows(stream.entering(layer + 1) + offset, stride: hidden)))
    }
  }

  private func headLoss(
    _ sequences: [TrainingSequence], rows: Int, _ counts: StepCounts, _ observer: PassObserver
  ) throws -> TrainingLoss {
    let weight = 1 / Float(max(1, counts.targets))
    let predictions = Prediction.all(
      of: sequences.map(\.tokens), weight: { _ in weight }, where: { sequences[$0].isTarget[$1] })
    let losses = try head.losses(
      stream.entering(decoder.layerCount), rows: rows, predictions, backward: true,
      gradients: trainee.endGradients, teacher: teacher?.headTeacher
    ) { try observer(PassProgress(phase: .head, done: $0, total: predictions.count)) }
    var loss = TrainingLoss()
    loss.crossEntropy = losses.crossEntropies.reduce(0, +)
    loss.divergence = losses.divergences.reduce(0, +)
    loss.targets = predictions.count
    loss.tokens = rows
    return loss
  }

  /// - Returns: the hidden term's sum of squares at the layer's output.
  private func backward(_ layer: Int, _ blocks: Blocks, _ counts: StepCounts) throws -> Double {
    let pass = try layerPass(layer)
    let hidden = decoder.hidden
    // The gradient of the last layer's output. Each layer turns it into that of its input.
    let d = stream.entering(decoder.layerCount)
    let difference = teacher?.addHiddenGradient(
      layer: layer, student: stream.entering(layer + 1), rows: blocks.rows, tokens: counts.tokens, into: d)
    let target = trainee.target(layer)
    for block in blocks.all {
      let offset = block.firstRow * hidden
      let x = Rows(stream.entering(layer) + offset, stride: hidden)
      let kept = store.slice(layer: layer, firstToken: block.firstRow)
      pass.activations.use(kept)
      pass.forward(x, block.sequences, .activations(productsKept: kept != nil))
      pass.backward(
        x, Rows(d + offset, stride: hidden), block.sequences, into: target, space, inputGradient: true)
    }
    return difference ?? 0
  }
}
