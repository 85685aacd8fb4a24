import Foundation
import Kernels
import RandomNumbers
import Tensors

/// Continues a text token by token, with the keys and values of what has been read kept.
///
/// Weights are widened anew for each token, so that memory stays that of one layer.
public final class Generator {
  private let decoder: Decoder
  private let workspace: LayerWorkspace
  private let head: Head
  /// Rotated keys and values of each layer: [capacity, keyValueWidth] each.
  private let keys: [Buffer]
  private let values: [Buffer]

  /// Tokens read so far, of at most `capacity`.
  public private(set) var position = 0
  public let capacity: Int

  /// - Parameter capacity: tokens that prompt and continuation have together, at most.
  public init(_ decoder: Decoder, capacity: Int, workers: Workers) throws {
    self.decoder = decoder
    self.capacity = capacity
    workspace = LayerWorkspace(decoder, tokens: 1, longest: 1, positions: capacity, workers: workers)
    head = try Head(decoder, workers: workers)
    let sizes = decoder.allSizes
    keys = sizes.map { Buffer(capacity * $0.keyValueWidth) }
    values = sizes.map { Buffer(capacity * $0.keyValueWidth) }
  }

  /// Bytes of the keys and values of so many tokens, and of their rotations; nil where the number is out of reach.
  public static func bytes(for decoder: Decoder, capacity: Int) -> Int? {
    let sizes = decoder.allSizes
    let widths = sizes.reduce(0) { $0 + 2 * $1.keyValueWidth } + 2 * (sizes.map(\.headDimension).max() ?? 0)
    let (product, overflow) = max(1, capacity).multipliedReportingOverflow(
      by: widths * MemoryLayout<Float>.stride)
    return overflow ? nil : product
  }

  /// Reads tokens and answers the logits of what comes next, [vocabulary].
  /// - Throws: `GenerationError.full`, `DecoderError`, `CheckpointError`.
  public func read(_ tokens: [Int32]) throws -> [Float] {
    guard !tokens.isEmpty, tokens.count <= capacity - position else {
      throw GenerationError.full(capacity: capacity, read: position, more: tokens.count)
    }
    let hidden = decoder.hidden
    let count = tokens.count
    let x = Buffer(count * hidden)
    try decoder.embed(tokens, into: x.base)
    workspace.resize(tokens: count, longest: position + count)
    let rows = Rows(x.base, stride: hidden)
    for layer in 0..<decoder.layerCount {
      try workspace.at(layer).forward(
        rows, count: count, position: position, keys: keys[layer], values: values[layer], output: rows)
    }
    position += count
    let logits = Buffer(decoder.vocabulary)
    try head.logits(x.at((count - 1) * hidden), rows: 1, into: logits.base)
    return Array(logits.values.prefix(decoder.vocabulary))
  }
}

public enum GenerationError: Error, Equatable, CustomStringConvertible {
  case full(capacity: Int, read: Int, more: Int)

  public var description: String {
    switch self {
    case .full(let capacity, let read, let more):
      "there is room for \(capacity) tokens; \(read) have been read and \(more) more were given"
    }
  }
}

/// How the next token is chosen from its logits.
public struct Sampler {
  /// 0 takes the most likely token; above it, draws from softmax(logits / temperature).
  public let temperature: Double
  private var generator: SplitMix64

  public init(temperature: Double, seed: UInt64) {
    self.temperature = temperature
    generator = SplitMix64(state: seed)
  }

  /// - Parameter logits: [vocabulary], not empty.
  public mutating func next(_ logits: [Float]) -> Int32 {
    var best = 0
    for (index, value) in logits.enumerated() where value > logits[best] { best = index }
    guard temperature > 0 else { return Int32(best) }
    let largest = Double(logits[best])
    let weights = logits.map { Foundation.exp((Double($0) - largest) / temperature) }
    var left = Double.random(in: 0..<1, using: &generator) * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      left -= weight
      if left < 0 { return Int32(index) }
    }
    return Int32(best)
  }
}
