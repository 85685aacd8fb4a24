import Checkpoints
import Foundation
import Kernels
import Tensors

/// The change of the logits when one sublayer or layer is removed, from those of the whole checkpoint. FinerCut measures so
/// (Zhang et al., arXiv 2405.18218; `dissect/evaluators/output.py` compares with the whole model at every step).
public struct OutputChange: Equatable, Sendable {
  /// The mean over tokens of arccos(cos(z, z′)) / π, in [0, 1], with z and z′ a token's logits.
  public let angle: Double
  /// The mean over sequences of ‖Z − Z′‖₂ with all logits of the sequence, Z [tokens, vocabulary].
  public let norm: Double
}

extension Decoder {
  /// The `OutputChange` of each whole sublayer and layer: [layers].
  ///
  /// The models without one unit go through the layers together, each from the layer where it differs on. So a layer is
  /// dequantized once for all. Their residual streams take candidates · tokens · hidden floats. What exceeds the request's
  /// `removalLimit` goes in another walk.
  func outputChanges(
    _ request: CalibrationRequest, workers: Workers, observer: PassObserver
  ) throws -> [[Family: OutputChange]] {
    guard !request.removals.isEmpty else { return [] }
    return try RemovalPass(self, request, workers).run(observer)
  }
}

private final class RemovalPass {
  /// A model without one unit.
  struct Candidate {
    let layer: Int
    let family: Family
  }

  let decoder: Decoder
  let sequences: [[Int32]]
  let workers: Workers
  let sizes: [LayerSizes]
  let blocks: Blocks
  let workspace: LayerWorkspace
  /// Candidates that walk together: all those of a layer, or of neighbouring layers.
  let groups: [[Candidate]]
  var hidden: Int { decoder.hidden }

  init(_ decoder: Decoder, _ request: CalibrationRequest, _ workers: Workers) {
    self.decoder = decoder
    self.workers = workers
    sequences = request.sequences
    sizes = decoder.allSizes
    blocks = Blocks(sequences, tokens: Blocks.usualTokens)
    // A block of several models' sequences is no larger than one model's.
    workspace = LayerWorkspace(
      decoder, tokens: max(Blocks.usualTokens, blocks.longest), longest: blocks.longest, workers: workers)
    let room = request.removalLimit / max(1, blocks.rows * decoder.hidden * MemoryLayout<Float>.size)
    var groups: [[Candidate]] = []
    for (layer, kept) in decoder.selected.enumerated() {
      let candidates = Family.allCases.filter { request.removals.contains($0) && $0.isWhole }
        .filter { !kept.units(of: $0).isEmpty }.map { Candidate(layer: layer, family: $0) }
      if let last = groups.last, last.count + candidates.count <= room {
        groups[groups.count - 1] += candidates
      } else if !candidates.isEmpty {
        groups.append(candidates)
      }
    }
    self.groups = groups
  }

  func run(_ observer: PassObserver) throws -> [[Family: OutputChange]] {
    var changes = [[Family: OutputChange]](repeating: [:], count: decoder.layerCount)
    let comparison = try OutputComparison(decoder, sequences, blocks, workers: workers)
    // The stream of the model as it is now, before the first layer that no group so far has needed.
    let base = Buffer(blocks.rows * hidden)
    try decoder.embed(sequences.flatMap(\.self), into: base.base)
    let starts = [0] + groups.map { ($0.last?.layer ?? -1) + 1 }
    let layers = zip(groups, starts).reduce(0) { $0 + decoder.layerCount - $1.1 }
    var done = 0
    for (group, start) in zip(groups, starts) {
      let streams = Buffer(group.count * blocks.rows * hidden)
      var walking = 0
      for layer in start..<decoder.layerCount {
        try walk(layer, base, streams, &walking, group)
        done += 1
        try observer(PassProgress(phase: .removals, done: done, total: layers))
      }
      let found = try comparison.changes(streams, count: group.count, observer)
      for (candidate, change) in zip(group, found) { changes[candidate.layer][candidate.family] = change }
    }
    return changes
  }

  /// Takes the models that differ already through a layer, and starts those that differ here.
  private func walk(
    _ layer: Int, _ base: Buffer, _ streams: Buffer, _ walking: inout Int, _ group: [Candidate]
  ) throws {
    guard !sizes[layer].isEmpty else { return }
    let pass = try workspace.at(layer)
    let together = Blocks(
      [[[Int32]]](repeating: sequences, count: walking).flatMap(\.self), tokens: Blocks.usualTokens)
    for block in together.all {
      let x = streams.rows(hidden, from: block.firstRow * hidden)
      pass.forward(x, block.sequences, .output(x))
    }
    // Behind the last layer where one differs, this group needs no stream of the model as it is.
    guard layer <= group.last?.layer ?? -1 else { return }
    let new = group.filter { $0.layer == layer }
    for block in blocks.all {
      let tokens = block.sequences.tokens
      func stream(_ index: Int) -> Rows {
        streams.rows(hidden, from: ((walking + index) * blocks.rows + block.firstRow) * hidden)
      }
      let x = base.rows(hidden, from: block.firstRow * hidden)
      for (index, candidate) in new.enumerated() {
        switch candidate.family {
        case .attentionBlock: pass.mlp.forward(x, into: stream(index), block.sequences)
        case .layer: pass.context.copy(x, to: stream(index), tokens)
        case .attention, .mlp, .mlpBlock: break
        }
      }
      pass.forward(x, block.sequences, .output(x))
      for (index, candidate) in new.enumerated() where candidate.family == .mlpBlock {
        pass.context.copy(pass.middle, to: stream(index), tokens)
      }
    }
    walking += new.count
  }
}

/// Compares logits with those of the whole checkpoint, a block of the vocabulary at a time. No token's logits exist as a
/// whole.
private final class OutputComparison {
  private let decoder: Decoder
  private let ends: StoredEnds
  private let blocks: Blocks
  private let workers: Workers
  /// The whole model's final hidden states, after the final norm: [rows, hidden].
  private let reference: Buffer
  /// Rows whose logits exist at a time.
  private static let chunk = 512

  init(_ decoder: Decoder, _ sequences: [[Int32]], _ blocks: Blocks, workers: Workers) throws {
    self.decoder = decoder
    self.blocks = blocks
    self.workers = workers
    ends = try StoredEnds(decoder)
    reference = Buffer(blocks.rows * decoder.hidden)
    let whole = try decoder.whole()
    try whole.embed(sequences.flatMap(\.self), into: reference.base)
    try whole.forwardInPlace(reference, blocks, workers: workers) { _ in }
    normalise(reference, rows: blocks.rows)
  }

  /// - Parameter streams: [count, rows, hidden], the outputs of the models' last layers; overwritten.
  func changes(_ streams: Buffer, count: Int, _ observer: PassObserver) throws -> [OutputChange] {
    let (rows, hidden) = (blocks.rows, decoder.hidden)
    normalise(streams, rows: count * rows)
    let width = min(Head.blockRows, decoder.vocabulary)
    let expected = Buffer(min(Self.chunk, rows) * width)
    let found = Buffer(min(Self.chunk, rows) * width)
    // [count, rows]: z·z′, ‖z‖², ‖z′‖², ‖z − z′‖².
    var sums = [SIMD4<Double>](repeating: .zero, count: count * rows)
    for first in stride(from: 0, to: decoder.vocabulary, by: Head.blockRows) {
      let columns = first..<min(decoder.vocabulary, first + Head.blockRows)
      let weights = try ends.head(columns, workers: workers)
      func logits(_ hiddens: UnsafeMutablePointer<Float>, _ count: Int, into target: Buffer) {
        workers.multiply(
          Rows(hiddens, stride: hidden), .plain, weights, .transposed, into: target.rows(columns.count),
          m: count, n: columns.count, k: hidden, alpha: Float(decoder.configuration.design.logitScale))
        guard let cap = decoder.configuration.design.finalSoftCap else { return }
        ap_soft_cap(target.base, Int64(count * columns.count), 1, Float(cap))
      }
      for start in stride(from: 0, to: rows, by: Self.chunk) {
        let part = min(Self.chunk, rows - start)
        logits(reference.at(start * hidden), part, into: expected)
        for model in 0..<count {
          logits(streams.at((model * rows + start) * hidden), part, into: found)
          let place = model * rows + start..<model * rows + start + part
          var own = Array(sums[place])
          workers.ranges(of: &own, grain: 16) { range, sums in
            let first = range.lowerBound * columns.count
            sums.withMemoryRebound(to: Double.self, capacity: 4 * range.count) {
              ap_row_products(
                expected.at(first), found.at(first), Int64(range.count), Int64(columns.count), $0)
            }
          }
          sums.replaceSubrange(place, with: own)
        }
      }
      try observer(PassProgress(phase: .head, done: columns.upperBound, total: decoder.vocabulary))
    }
    return (0..<count).map { change(Array(sums[($0 * rows)..<(($0 + 1) * rows)])) }
  }

  private func normalise(_ x: Buffer, rows: Int) {
    let hidden = decoder.hidden
    let inverseRMS = Buffer(rows)
    let norm = decoder.configuration.design.factors(ends.norm)
    workers.ranges(rows, grain: LayerContext.grain) { range, _ in
      let row = x.at(range.lowerBound * hidden)
      ap_rms_norm(
        row, norm.base, Float(decoder.configuration.rmsNormEpsilon), Int64(range.count), Int64(hidden),
        Int64(hidden), Int64(hidden), row, inverseRMS.at(range.lowerBound))
    }
  }

  /// - Parameter sums: [rows] of one model.
  private func change(_ sums: [SIMD4<Double>]) -> OutputChange {
    let angles = sums.reduce(0) { angles, sum in
      let norms = (sum.y * sum.z).squareRoot()
      return angles + acos(norms > 0 ? max(-1, min(1, sum.x / norms)) : 0)
    }
    var norms = 0.0
    for block in blocks.all {
      for rows in block.sequences.sequences {
        norms += rows.reduce(0) { $0 + sums[block.firstRow + $1].w }.squareRoot()
      }
    }
    let sequences = blocks.all.reduce(0) { $0 + $1.indices.count }
    return OutputChange(
      angle: angles / Double(max(1, blocks.rows)) / .pi, norm: norms / Double(max(1, sequences)))
  }
}
