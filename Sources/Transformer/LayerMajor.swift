import Checkpoints
import Tensors

// Forward passes over whole sequences, one layer at a time.

/// How far a long pass is, told between layers. An observer that throws stops the pass.
public struct PassProgress: Sendable {
  /// `removals`: the forward passes of models that each lack one unit.
  public enum Phase: Sendable { case forward, head, backward, removals }
  public let phase: Phase
  /// Layers; at the head, tokens that are predicted or of the vocabulary.
  public let done: Int
  public let total: Int
}

public typealias PassObserver = (PassProgress) throws -> Void

extension Decoder {
  /// Checks the ids and lengths of sequences.
  func check(_ sequences: [[Int32]]) throws {
    for (index, sequence) in sequences.enumerated() {
      guard sequence.count >= 2 else {
        throw DecoderError.sequenceTooShort(index: index, length: sequence.count)
      }
      try check(tokens: sequence)
    }
  }

  func check(tokens: [Int32]) throws {
    if let wrong = tokens.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw DecoderError.tokenOutOfRange(token: Int(wrong), vocabulary: vocabulary)
    }
  }

  /// Takes all sequences through all layers in place, a layer at a time.
  ///
  /// - Parameter stream: [rows, hidden], filled with the embeddings.
  func forwardInPlace(_ stream: Buffer, _ blocks: Blocks, workers: Workers, observer: PassObserver) throws {
    let workspace = LayerWorkspace(self, blocks, workers: workers)
    for layer in 0..<layerCount {
      let pass = try workspace.at(layer)
      for block in blocks.all {
        // The input has been copied to `middle` by the time the output is written.
        let x = stream.rows(hidden, from: block.firstRow * hidden)
        pass.forward(x, block.sequences, .output(x))
      }
      try observer(PassProgress(phase: .forward, done: layer + 1, total: layerCount))
    }
  }

  /// Log-likelihoods ln p(tokens[t] | tokens[..<t]) of each sequence, for t from `first` on.
  ///
  /// - Parameter requests: the tokens, read from position 0, and the first that is predicted (at least 1).
  public func logLikelihoods(
    _ requests: [(tokens: [Int32], first: Int)], workers: Workers, observer: PassObserver = { _ in }
  ) throws -> [[Double]] {
    let sequences = requests.map(\.tokens)
    try check(sequences)
    guard !sequences.isEmpty else { return [] }
    let blocks = Blocks(sequences, tokens: Blocks.usualTokens)
    let stream = Buffer(blocks.rows * hidden)
    try embed(sequences.flatMap(\.self), into: stream.base)
    try forwardInPlace(stream, blocks, workers: workers, observer: observer)
    let predictions = Prediction.all(of: sequences, where: { $1 >= requests[$0].first })
    let losses = try Head(self, workers: workers).losses(
      stream.base, rows: blocks.rows, predictions, backward: false
    ) { try observer(PassProgress(phase: .head, done: $0, total: predictions.count)) }.crossEntropies
    var next = 0
    return requests.map { tokens, first in
      let count = max(0, tokens.count - max(1, first))
      defer { next += count }
      return losses[next..<next + count].map { -$0 }
    }
  }

  /// All logits of a short sequence, [tokens, vocabulary]. Long texts go through `logLikelihoods`.
  public func logits(_ tokens: [Int32], workers: Workers) throws -> [Float] {
    try check([tokens])
    let blocks = Blocks([tokens], tokens: Blocks.usualTokens)
    let stream = Buffer(blocks.rows * hidden)
    try embed(tokens, into: stream.base)
    try forwardInPlace(stream, blocks, workers: workers) { _ in }
    let result = Buffer(tokens.count * vocabulary)
    try Head(self, workers: workers).logits(stream.base, rows: Array(tokens.indices), into: result.base)
    return Array(result.values)
  }
}
