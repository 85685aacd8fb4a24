import Checkpoints
import Tensors

/// The memory of a pass over tokens, in bytes: the buffers that it will make, and no others.
package struct PassMemory {
  /// The layers of the model as it is now.
  private let layers: [LayerSizes]
  private let decoder: Decoder
  private let threads: Int
  /// Tokens of all sequences, and of the longest.
  private let rows: Int
  private let longest: Int

  package init(_ decoder: Decoder, threads: Int, rows: Int, longest: Int) {
    layers = decoder.allSizes
    self.decoder = decoder
    self.threads = threads
    self.rows = rows
    self.longest = longest
  }

  private var hidden: Int { decoder.hidden }
  private var vocabulary: Int { decoder.vocabulary }
  private func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 0 }
  private func floats(_ counts: Int...) -> Int {
    counts.reduce(0) { Saturating.sum($0, Saturating.product(4, $1)) }
  }

  /// One layer's parameters (`LayerParameters`).
  private var layer: Int { most(\.parameters) }
  /// Tokens that go through a layer together (`Blocks`).
  private var block: Int { min(rows, max(longest, Blocks.usualTokens)) }
  /// The residual stream once.
  private var stream: Int { Saturating.product(rows, hidden) }

  /// `LayerActivations`, with attention's scratch.
  private var layerActivations: Int {
    let row = most { sizes in
      3 * sizes.hidden + sizes.queryKeyValueWidth + sizes.queryWidth + 3 * sizes.intermediate
        + (sizes.design.queryKeyNorm != .none ? sizes.queryWidth + sizes.keyValueWidth : 0)
        + (sizes.addsBranchAsIs ? 0 : 3 * sizes.hidden)
    }
    return Saturating.sum(
      Saturating.product(block, row),
      Saturating.product(
        threads,
        GroupAttention.scratchCount(
          length: 1, isCapped: layers.contains { $0.design.attentionSoftCap != nil }), longest))
  }

  /// `GradientSpace`.
  private var gradientSpace: Int {
    Saturating.product(
      block,
      most {
        3 * $0.intermediate + $0.queryKeyValueWidth + $0.queryWidth
          + ($0.addsBranchAsIs ? $0.hidden : 2 * $0.hidden)
      })
  }

  /// A part of the logits (`Head`), and rows of the head.
  private var head: Int {
    let chunk = min(rows, max(16, (64 << 20) / max(1, 4 * vocabulary)))
    // Capped logits are kept beside their gradient.
    let isCapped = decoder.configuration.design.finalSoftCap != nil
    return Saturating.product(chunk, (isCapped ? 2 : 1) * vocabulary + 4 * hidden) + Head.blockRows * hidden
  }

  /// The activations that are kept between forward and backward (`ActivationStore`), at most.
  private func kept(_ limit: Int) -> Int {
    let row = layers.reduce(0) { $0 + $1.queryKeyValueWidth + $1.hidden + 2 * $1.intermediate }
    return min(limit / 4, Saturating.product(rows, row))
  }

  /// Log-likelihoods of sequences.
  package var scoring: Int { floats(layer, layerActivations, stream, head) }

  /// A calibration pass. A residual stream above the request's limit is in a file.
  package func calibration(_ request: CalibrationRequest) -> Int {
    let inputs = most { layer in request.inputs.reduce(0) { $0 + $1.gatherer.room(for: layer) } }
    let forward = floats(layer, layerActivations, inputs)
    guard request.goesBack else { return Saturating.sum(forward, floats(stream, stream)) }
    let gradients = request.gradients == .sumAndSquares ? 3 : 2
    let streams = Saturating.product(layers.count + 1, stream)
    let isInFile = request.scratchFolder != nil && floats(streams) > request.streamLimit
    return Saturating.sum(
      forward, floats(isInFile ? Saturating.product(4, stream) : streams, stream, gradientSpace, head),
      floats(Saturating.product(gradients, layer), kept(request.activationLimit)),
      floats(Saturating.product(request.outputGradients.count, Saturating.sum(2 * hidden * hidden, stream))))
  }

  /// A compensation: the model before and after the cut, and a Gram matrix in single and in double precision.
  package var compensation: Int {
    let columns = most { max($0.queryWidth, $0.intermediate) }
    return floats(
      Saturating.product(2, layer), Saturating.product(2, layerActivations), Saturating.product(2, stream),
      Saturating.product(3, columns, columns))
  }

  /// Slicing: Gram matrices and bases in double precision.
  package var slicing: Int { floats(layer, layerActivations, stream, Saturating.product(8, hidden, hidden)) }

  /// Training on micro-batches of so many rows.
  /// - Parameters:
  ///   - changing: parameters that change. Each has a value, a gradient and two moments.
  ///   - activations: the limit of activations in bytes.
  ///   - teacher: whether there is a teacher.
  package func training(changing: Int, activations: Int, teacher: Bool) -> Int {
    let streams = Saturating.product(layers.count + 2, stream)
    let own = floats(
      Saturating.product(4, changing), layer, layerActivations, gradientSpace, kept(activations), streams,
      head)
    return teacher ? Saturating.sum(own, floats(layer, layerActivations, streams, head)) : own
  }
}
