import Checkpoints
import Foundation
import Kernels
import Tensors

/// How the model's logits change without one sublayer or layer, from those of the checkpoint as a whole: FinerCut's measure
/// (Zhang et al., arXiv 2405.18218; `dissect/evaluators/output.py` of its code compares with the model that nothing has
/// left yet, at every step).
public struct OutputChange: Equatable, Sendable {
  /// Mean over all tokens of arccos(cos(z, z′)) / π, in [0, 1], with z and z′ a token's logits.
  public let angle: Double
  /// Mean over sequences of ‖Z − Z′‖₂ over all logits of the sequence, Z [tokens, vocabulary].
  public let norm: Double
}

extension Decoder {
  /// `OutputChange` of each unit of families of whole sublayers and layers: [layers].
  ///
  /// The models without one unit walk together through the layers, each from the layer where it differs on, so that a
  /// layer's weights are widened once for all of them. Their residual streams take candidates · tokens · hidden floats;
  /// what is beyond the request's `removalLimit` goes in a further walk.
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
  /// Those that walk together: all of one layer, or of several that follow one another.
  let groups: [[Candidate]]
  var hidden: Int { decoder.hidden }

  init(_ decoder: Decoder, _ request: CalibrationRequest, _ workers: Workers) {
    self.decoder = decoder
    self.workers = workers
    sequences = request.sequences
    sizes = decoder.allSizes
    blocks = Blocks(sequences, tokens: Blocks.usualTokens)
    // Blocks of several models' sequences hold no more tokens than one may, or than a single sequence has.
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
    // The model as it is now, as it enters the layer behind the last where one of the groups so far differs.
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

  /// Takes the models that differ already through a layer, and then has those begin that differ here.
  private func walk(
    _ layer: Int, _ base: Buffer, _ streams: Buffer, _ walking: inout Int, _ group: [Candidate]
  ) throws {
    guard !sizes[layer].isEmpty else { return }
    let pass = try workspace.at(layer)
    let together = Blocks(
      [[[Int32]]](repeating: sequences, count: walking).flatMap(\.self), tokens: Blocks.usualTokens)
    for block in together.all {
      let x = Rows(streams.at(block.firstRow * hidden), stride: hidden)
      pass.forward(x, block.sequences, .output(x))
    }
    // Behind the last layer where one differs the model as it is has done its part, for this group.
    guard layer <= group.last?.layer ?? -1 else { return }
    let new = group.filter { $0.layer == layer }
    for block in blocks.all {
      let tokens = block.sequences.tokens
      func stream(_ index: Int) -> Rows {
        Rows(streams.at(((walking + index) * blocks.rows + block.firstRow) * hidden), stride: hidden)
      }
      let x = Rows(base.at(block.firstRow * hidden), stride: hidden)
      for (index, candidate) in new.enumerated() {
        switch candidate.family {
        case .attentionBlock: pass.forward(.mlp, x, into: stream(index), block.sequences)
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

/// Compares logits with those of the checkpoint's model, a block of the vocabulary at a time: no token's logits ever
/// exist as a whole.
private final class OutputComparison {
  private let decoder: Decoder
  private let ends: StoredEnds
  private let blocks: Blocks
  private let workers: Workers
  /// What leaves the checkpoint's last layer, after the final norm: [rows, hidden].
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

  /// - Parameter streams: [count, rows, hidden], what leaves the models' last layers; overwritten.
  func changes(_ streams: Buffer, count: Int, _ observer: PassObserver) throws -> [OutputChange] {
    let (rows, hidden) = (blocks.rows, decoder.hidden)
    normalise(streams, rows: count * rows)
    let width = min(Head.blockRows, decoder.vocabulary)
    let expected = Buffer(min(Self.chunk, rows) * width)
    let found = Buffer(min(Self.chunk, rows) * width)
    // Of each model's each row: z·z′, ‖z‖², ‖z′‖², ‖z − z′‖².
    var sums = [Double](repeating: 0, count: count * rows * 4)
    for first in stride(from: 0, to: decoder.vocabulary, by: Head.blockRows) {
      let columns = first..<min(decoder.vocabulary, first + Head.blockRows)
      let weights = try ends.head(columns, workers: workers)
      func logits(_ hiddens: UnsafeMutablePointer<Float>, _ count: Int, into target: Buffer) {
        workers.multiply(
          Rows(hiddens, stride: hidden), .plain, weights, .transposed,
          into: Rows(target.base, stride: columns.count), m: count, n: columns.count, k: hidden)
      }
      for start in stride(from: 0, to: rows, by: Self.chunk) {
        let part = min(Self.chunk, rows - start)
        logits(reference.at(start * hidden), part, into: expected)
        for model in 0..<count {
          logits(streams.at((model * rows + start) * hidden), part, into: found)
          add(expected, found, rows: part, columns: columns.count, to: &sums, at: model * rows + start)
        }
      }
      try observer(PassProgress(phase: .head, done: columns.upperBound, total: decoder.vocabulary))
    }
    return (0..<count).map { change(sums[($0 * rows * 4)..<(($0 + 1) * rows * 4)]) }
  }

  private func normalise(_ x: Buffer, rows: Int) {
    let hidden = decoder.hidden
    let inverseRMS = Buffer(rows)
    workers.ranges(rows, grain: LayerContext.grain) { range, _ in
      let row = x.at(range.lowerBound * hidden)
      ap_rms_norm(
        row, ends.norm.base, Float(decoder.configuration.rmsNormEpsilon), Int64(range.count), Int64(hidden),
        Int64(hidden), Int64(hidden), row, inverseRMS.at(range.lowerBound))
    }
  }

  private func add(
    _ expected: Buffer, _ found: Buffer, rows: Int, columns: Int, to sums: inout [Double], at row: Int
  ) {
    sums.withUnsafeMutableBufferPointer { sums in
      nonisolated(unsafe) let sums = sums[(row * 4)..<((row + rows) * 4)]
      workers.ranges(rows, grain: 16) { range, _ in
        let part = UnsafeMutableBufferPointer(
          rebasing: sums[(sums.startIndex + range.lowerBound * 4)..<(sums.startIndex + range.upperBound * 4)])
        guard let base = part.baseAddress else { return }
        ap_row_products(
          expected.at(range.lowerBound * columns), found.at(range.lowerBound * columns), Int64(range.count),
          Int64(columns), base)
      }
    }
  }

  /// - Parameter sums: [rows, 4] of one model.
  private func change(_ sums: ArraySlice<Double>) -> OutputChange {
    func sum(_ row: Int, _ which: Int) -> Double { sums[sums.startIndex + row * 4 + which] }
    var angles = 0.0
    for row in 0..<blocks.rows {
      let norms = (sum(row, 1) * sum(row, 2)).squareRoot()
      angles += acos(norms > 0 ? max(-1, min(1, sum(row, 0) / norms)) : 0)
    }
    var norms = 0.0
    for block in blocks.all {
      for rows in block.sequences.sequences {
        norms += rows.reduce(0) { $0 + sum(block.firstRow + $1, 3) }.squareRoot()
      }
    }
    let sequences = blocks.all.reduce(0) { $0 + $1.indices.count }
    return OutputChange(
      angle: angles / Double(max(1, blocks.rows)) / .pi, norm: norms / Double(max(1, sequences)))
  }
}
