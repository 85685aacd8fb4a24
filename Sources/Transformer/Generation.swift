import Foundation
import Kernels
import RandomNumbers
import Tensors

/// Continues a text token by token. The keys and values of the tokens so far are kept.
///
/// Weights are dequantized again for each token, so that the memory is that of one layer.
public final class Generator {
  private let decoder: Decoder
  private let workspace: LayerWorkspace
  private let head: Head
  /// [layers]: rotated keys, and values, [capacity, keyValueWidth] each.
  private let keys: [Buffer]
  private let values: [Buffer]

  /// Tokens read so far, of at most `capacity`.
  public var position: Int { text.count }
  private var text: [Int32] = []
  public let capacity: Int

  /// - Parameter capacity: the most tokens of prompt and continuation together.
  public init(_ decoder: Decoder, capacity: Int, workers: Workers) throws {
    self.decoder = decoder
    self.capacity = capacity
    workspace = LayerWorkspace(decoder, tokens: 1, longest: 1, positions: capacity, workers: workers)
    head = try Head(decoder, workers: workers)
    let sizes = decoder.allSizes
    keys = sizes.map { Buffer(capacity * $0.keyValueWidth) }
    values = sizes.map { Buffer(capacity * $0.keyValueWidth) }
  }

  /// Bytes of the keys, values and rotations of so many tokens; nil if the number is too large to count.
  public static func bytes(for decoder: Decoder, capacity: Int) -> Int? {
    let sizes = decoder.allSizes
    let widths = sizes.reduce(0) { $0 + 2 * $1.keyValueWidth } + 2 * (sizes.map(\.headDimension).max() ?? 0)
    let (product, overflow) = max(1, capacity).multipliedReportingOverflow(
      by: widths * MemoryLayout<Float>.stride)
    return overflow ? nil : product
  }

  /// Reads tokens and returns the logits of the next token, [vocabulary].
  ///
  /// When a text outgrows LongRoPE's short frequencies, all of it is read again, as in transformers
  /// (`prepare_inputs_for_generation` in modeling_phi3.py). Its keys were rotated by the short ones.
  /// - Throws: `GenerationError.full`, `DecoderError`, `CheckpointError`.
  public func read(_ more: [Int32]) throws -> [Float] {
    guard !more.isEmpty, more.count <= capacity - text.count else {
      throw GenerationError.full(capacity: capacity, read: text.count, more: more.count)
    }
    let length = text.count + more.count
    let changes = decoder.configuration.ropes.compactMap(\.lengthOfChange)
    let isChanged = changes.contains { text.count <= $0 && length > $0 }
    let position = isChanged ? 0 : text.count
    let tokens = isChanged ? text + more : more
    let (hidden, count) = (decoder.hidden, tokens.count)
    let x = Buffer(count * hidden)
    try decoder.embed(tokens, into: x.base)
    workspace.resize(tokens: count, longest: position + count)
    let rows = x.rows(hidden)
    for layer in 0..<decoder.layerCount {
      try workspace.at(layer).forward(
        rows, count: count, position: position, keys: keys[layer], values: values[layer], output: rows)
    }
    text += more
    let logits = Buffer(decoder.vocabulary)
    try head.logits(x.base, rows: [count - 1], into: logits.base)
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

/// Chooses the next token by its logits.
public struct Sampler {
  /// 0 takes the most likely token. Above 0, tokens are drawn from softmax(logits / temperature).
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
