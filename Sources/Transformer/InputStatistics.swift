import Checkpoints
import Kernels
import Tensors

/// What a calibration pass gathers about the inputs of a layer's projections, besides gradients.
public struct InputStatisticsRequest: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Moments of each input channel: `InputMoments`.
  public static let moments = InputStatisticsRequest(rawValue: 1)
  /// Gram matrices of the inputs of the two output projections, o_proj and down_proj.
  public static let gram = InputStatisticsRequest(rawValue: 2)
}

/// Statistics of the inputs of one layer's projections, over all calibration tokens.
public struct LayerInputs {
  /// Of q, k and v: the layer's input after its norm.
  public let queryKeyValue: InputMoments?
  /// Of o: what attention answers.
  public let output: InputMoments?
  /// Of gate and up: the residual stream after the second norm.
  public let gateUp: InputMoments?
  /// Of down: silu(gate) ∘ up.
  public let down: InputMoments?
  /// Mean over tokens of x xᵀ, [columns, columns], where o and down have `columns` inputs.
  public let outputGram: Buffer?
  public let downGram: Buffer?
}

/// Moments of a projection's inputs x, one number a column of its weight: [columns] each.
///
/// With T tokens in sequences s, m[s] the mean over a sequence's tokens:
public struct InputMoments {
  /// Mean over all tokens.
  public let mean: Buffer
  /// Mean over all tokens of (x − mean)².
  public let variance: Buffer
  /// FLAP's fluctuation as its code computes it (`BiasGPT.add_batch` in layerwrapper.py): see `add`.
  public let fluctuation: Buffer
  /// √(mean over sequences of Σ over its tokens x²): ‖x‖₂ of Wanda (Sun et al., arXiv 2306.11695) and of FLAP's WIFN.
  public let norm: Buffer
  /// √(Σ over sequences of (mean over its tokens |x|)²): Minitron's activation (Muralidharan et al.,
  /// arXiv 2407.14679: mean over the sequence, L2 over the batch).
  public let magnitude: Buffer
}

/// Adds up one layer's input statistics, block after block of tokens.
final class InputAccumulator {
  private let request: InputStatisticsRequest
  private let workers: Workers
  private let sums: [MomentSums]
  private let outputGram: Buffer?
  private let downGram: Buffer?
  private var sizes: LayerSizes = .empty
  private var tokens = 0

  init(_ request: InputStatisticsRequest, roomFor layers: [LayerSizes], workers: Workers) {
    self.request = request
    self.workers = workers
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    let (hidden, query, channels) = (most(\.hidden), most(\.queryWidth), most(\.intermediate))
    sums = request.contains(.moments) ? [hidden, query, hidden, channels].map(MomentSums.init) : []
    outputGram = request.contains(.gram) ? Buffer(query * query) : nil
    downGram = request.contains(.gram) ? Buffer(channels * channels) : nil
  }

  func begin(_ sizes: LayerSizes) {
    self.sizes = sizes
    tokens = 0
    for sum in sums { sum.zero() }
    outputGram?.zero()
    downGram?.zero()
  }

  /// How wide the four inputs are, in the order of `sums`; 0 where the layer has no such sublayer.
  private var widths: [Int] {
    [
      sizes.hasAttention ? sizes.hidden : 0, sizes.queryWidth, sizes.hasMLP ? sizes.hidden : 0,
      sizes.intermediate,
    ]
  }

  private func inputs(_ activations: LayerActivations) -> [Rows] {
    zip([activations.attention, activations.mlp].flatMap { [$0.normed, $0.inputs] }, widths).map {
      Rows($0.base, stride: $1)
    }
  }

  /// Adds a block whose activations the forward pass has just filled.
  func add(_ block: SequenceBlock, _ activations: LayerActivations) {
    tokens += block.tokens
    for (sum, x) in zip(sums, inputs(activations)) { sum.add(x, width: x.stride, block, workers) }
    for (gram, x) in [
      (outputGram, Rows(activations.attention.inputs.base, stride: sizes.queryWidth)),
      (downGram, Rows(activations.mlp.inputs.base, stride: sizes.intermediate)),
    ] {
      guard let gram else { continue }
      workers.addGram(of: x, count: block.tokens, n: x.stride, to: Rows(gram.base, stride: x.stride))
    }
  }

  /// What has been added since `begin`; valid until the next `begin`.
  func finish() -> LayerInputs {
    let moments = zip(sums, widths).map { $0.moments(width: $1) }
    func mean(_ gram: Buffer?, _ width: Int) -> Buffer? {
      guard let gram else { return nil }
      workers.mirror(Rows(gram.base, stride: width), n: width, scale: 1 / Float(max(1, tokens)))
      return gram
    }
    return LayerInputs(
      queryKeyValue: moments.first, output: moments.dropFirst().first, gateUp: moments.dropFirst(2).first,
      down: moments.dropFirst(3).first, outputGram: mean(outputGram, sizes.queryWidth),
      downGram: mean(downGram, sizes.intermediate))
  }
}

/// Sums from which `InputMoments` come, in double precision, of one projection's inputs.
private final class MomentSums: @unchecked Sendable {
  private var columns: [ColumnSums]
  private var tokens = 0
  private var sequences = 0
  /// Columns that one thread takes at a time.
  private static let grain = 128

  init(_ columns: Int) { self.columns = [ColumnSums](repeating: ColumnSums(), count: columns) }

  func zero() {
    columns = [ColumnSums](repeating: ColumnSums(), count: columns.count)
    (tokens, sequences) = (0, 0)
  }

  func add(_ x: Rows, width: Int, _ block: SequenceBlock, _ workers: Workers) {
    let (tokensBefore, sequencesBefore) = (tokens, sequences)
    columns.withUnsafeMutableBufferPointer { columns in
      nonisolated(unsafe) let columns = columns
      workers.ranges(width, grain: Self.grain) { range, _ in
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * range.count) { scratch in
          guard let mean = scratch.baseAddress else { return }
          let (differences, magnitude) = (mean + range.count, mean + 2 * range.count)
          var (tokens, sequences) = (tokensBefore, sequencesBefore)
          for rows in block.sequences {
            ap_column_moments(
              x.from(row: rows.lowerBound, column: range.lowerBound).base, Int64(rows.count),
              Int64(range.count), Int64(x.stride), mean, differences, magnitude)
            for (place, column) in range.enumerated() {
              columns[column].add(
                mean[place], differences[place], magnitude[place], length: rows.count, tokens: tokens,
                sequences: sequences)
            }
            tokens += rows.count
            sequences += 1
          }
        }
      }
    }
    tokens += block.tokens
    sequences += block.sequences.count
  }

  func moments(width: Int) -> InputMoments {
    let columns = columns.prefix(width)
    let count = Double(max(1, tokens))
    func buffer(_ value: (ColumnSums) -> Double) -> Buffer { Buffer(columns.map { Float(value($0)) }) }
    return InputMoments(
      mean: buffer(\.mean), variance: buffer { $0.squaredDifferences / count },
      fluctuation: buffer(\.fluctuation),
      norm: buffer { ($0.squares / Double(max(1, self.sequences))).squareRoot() },
      magnitude: buffer { $0.squaredMagnitudes.squareRoot() })
  }
}

/// One input channel's sums.
private struct ColumnSums {
  var mean = 0.0
  /// Σ over tokens of (x − mean)².
  var squaredDifferences = 0.0
  /// FLAP's own running mean, which weighs sequences alike however long they are.
  var sequenceMean = 0.0
  var fluctuation = 0.0
  /// Σ over tokens of x².
  var squares = 0.0
  /// Σ over sequences of (mean over its tokens |x|)².
  var squaredMagnitudes = 0.0

  /// Adds a sequence of `length` tokens with mean m, Σ (x − m)² = `differences` and mean |x| = `magnitude`, after
  /// `tokens` tokens in n = `sequences` sequences.
  ///
  /// The fluctuation is FLAP's: mean ← (n·mean + m) / (n + 1), and from the second sequence on
  ///
  ///     fluctuation ← fluctuation · (n − 1)/n + Σ (x − mean)² / (n + 1)
  ///
  /// with the new mean in both factors, where Welford's update, which the code means, has the old one in one of them.
  mutating func add(
    _ m: Double, _ differences: Double, _ magnitude: Double, length: Int, tokens: Int, sequences: Int
  ) {
    let (length, tokens, n) = (Double(length), Double(tokens), Double(sequences))
    let step = m - mean
    mean += step * length / (tokens + length)
    squaredDifferences += differences + step * step * tokens * length / (tokens + length)

    sequenceMean = (sequenceMean * n + m) / (n + 1)
    if n > 0 {
      let offset = m - sequenceMean
      fluctuation = fluctuation * (n - 1) / n + (differences + length * offset * offset) / (n + 1)
    }
    squares += differences + length * m * m
    squaredMagnitudes += magnitude * magnitude
  }
}
