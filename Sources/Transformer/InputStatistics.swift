import Checkpoints
import Kernels
import Tensors

/// A statistic of the inputs of a layer's projections, by the type that gathers it.
public struct InputStatistics: Hashable, Sendable {
  let gatherer: any InputGatherer.Type

  /// `InputMoments` of each input channel.
  public static let moments = InputStatistics(by: MomentGatherer.self)
  /// Gram matrices of the inputs of o_proj and down_proj.
  public static let gram = InputStatistics(by: GramGatherer.self)

  public init(by gatherer: any InputGatherer.Type) { self.gatherer = gatherer }
  public static func == (left: Self, right: Self) -> Bool { left.gatherer == right.gatherer }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(gatherer)) }
}

/// The inputs of a layer's projections. q, k and v share one, and gate and up.
public enum ProjectionInput: Int, CaseIterable, Sendable {
  /// Of q, k and v: the layer's input after its norm.
  case queryKeyValue
  /// Of o: the result of attention.
  case output
  /// Of gate and up: the residual stream after the second norm.
  case gateUp
  /// Of down: silu(gate) ∘ up.
  case down

  /// nil if the role is no projection.
  public init?(of role: ParameterSpec.Role) {
    switch role {
    case .query, .key, .value: self = .queryKeyValue
    case .attentionOutput: self = .output
    case .gate, .up: self = .gateUp
    case .down: self = .down
    default: return nil
    }
  }

  /// 0 where the layer has no such sublayer.
  func width(_ sizes: LayerSizes) -> Int {
    switch self {
    case .queryKeyValue: sizes.hasAttention ? sizes.hidden : 0
    case .output: sizes.queryWidth
    case .gateUp: sizes.hasMLP ? sizes.hidden : 0
    case .down: sizes.intermediate
    }
  }
}

/// Sums statistics of the inputs x of one layer's projections, block after block of tokens, layer by layer.
public protocol InputGatherer: AnyObject, SendableMetatype {
  /// - Parameter layers: the layers that must fit.
  init(roomFor layers: [LayerSizes], workers: Workers)
  /// The floats that it keeps for a layer.
  static func room(for layer: LayerSizes) -> Int
  /// Begins a layer with all sums at zero.
  func begin(_ sizes: LayerSizes)
  /// - Parameters:
  ///   - x: [tokens, width], packed; no columns where the layer has no such sublayer.
  ///   - sequences: the rows of each sequence.
  func add(_ x: Rows, of input: ProjectionInput, sequences: [Range<Int>])
  /// Ends a layer. Its results are valid until the next `begin`.
  func finish()
}

/// The statistics of one layer's inputs, over all calibration tokens.
public struct LayerInputs {
  let gatherers: [any InputGatherer]

  /// nil if the statistic was not asked for.
  public func gatherer<Gatherer: InputGatherer>(_ kind: Gatherer.Type) -> Gatherer? {
    gatherers.lazy.compactMap { $0 as? Gatherer }.first
  }

  public func moments(of input: ProjectionInput) -> InputMoments? {
    gatherer(MomentGatherer.self)?.moments[input.rawValue]
  }

  /// The mean over tokens of xᵀx, [columns, columns], of o and down; nil for the others.
  public func gram(of input: ProjectionInput) -> Buffer? { gatherer(GramGatherer.self)?.grams[input] }
}

/// Moments of a projection's input x, [columns] each.
public struct InputMoments {
  /// The mean over all tokens.
  public let mean: Buffer
  /// The mean over all tokens of (x − mean)².
  public let variance: Buffer
  /// FLAP's fluctuation, as its code computes it (`BiasGPT.add_batch` in layerwrapper.py): see `add`.
  public let fluctuation: Buffer
  /// √(mean over sequences of Σ over its tokens x²): ‖x‖₂ of Wanda (Sun et al., arXiv 2306.11695) and of FLAP's WIFN.
  public let norm: Buffer
  /// √(Σ over sequences of (mean over its tokens |x|)²): Minitron's activation (Muralidharan et al.,
  /// arXiv 2407.14679: mean over the sequence, L2 over the batch).
  public let magnitude: Buffer
}

/// Gives a pass's blocks to all gatherers of input statistics.
final class InputAccumulator {
  private let gatherers: [any InputGatherer]
  private var sizes: LayerSizes = .empty

  init(_ request: Set<InputStatistics>, roomFor layers: [LayerSizes], workers: Workers) {
    gatherers = request.map { $0.gatherer.init(roomFor: layers, workers: workers) }
  }

  func begin(_ sizes: LayerSizes) {
    self.sizes = sizes
    for gatherer in gatherers { gatherer.begin(sizes) }
  }

  /// Adds a block whose activations the forward pass has just filled.
  func add(_ block: SequenceBlock, _ activations: LayerActivations) {
    for input in ProjectionInput.allCases {
      let x =
        switch input {
        case .queryKeyValue: activations.attention.normed
        case .output: activations.attention.inputs
        case .gateUp: activations.mlp.normed
        case .down: activations.mlp.inputs
        }
      let rows = x.rows(input.width(sizes))
      for gatherer in gatherers { gatherer.add(rows, of: input, sequences: block.sequences) }
    }
  }

  /// The results since `begin`, valid until the next `begin`.
  func finish() -> LayerInputs {
    for gatherer in gatherers { gatherer.finish() }
    return LayerInputs(gatherers: gatherers)
  }
}

/// Gathers `InputMoments` of all inputs.
final class MomentGatherer: InputGatherer {
  private let sums: [MomentSums]
  private let workers: Workers
  private var sizes: LayerSizes = .empty
  /// [inputs]; empty until the layer is done.
  private(set) var moments: [InputMoments] = []

  init(roomFor layers: [LayerSizes], workers: Workers) {
    self.workers = workers
    func most(_ size: (LayerSizes) -> Int) -> Int { layers.map(size).max() ?? 1 }
    sums = [most(\.hidden), most(\.queryWidth), most(\.hidden), most(\.intermediate)].map(MomentSums.init)
  }

  /// A few numbers a column, not counted.
  static func room(for layer: LayerSizes) -> Int { 0 }

  func begin(_ sizes: LayerSizes) {
    self.sizes = sizes
    for sum in sums { sum.zero() }
  }

  func add(_ x: Rows, of input: ProjectionInput, sequences: [Range<Int>]) {
    sums[input.rawValue].add(x, width: x.stride, sequences, workers)
  }

  func finish() {
    moments = ProjectionInput.allCases.map { sums[$0.rawValue].moments(width: $0.width(sizes)) }
  }
}

/// Gathers Gram matrices of the inputs of the output projections.
final class GramGatherer: InputGatherer {
  let grams: [ProjectionInput: Buffer]
  private let workers: Workers
  private var sizes: LayerSizes = .empty
  private var tokens = 0

  init(roomFor layers: [LayerSizes], workers: Workers) {
    self.workers = workers
    func square(_ size: (LayerSizes) -> Int) -> Buffer {
      let most = layers.map(size).max() ?? 1
      return Buffer(most * most)
    }
    grams = [.output: square(\.queryWidth), .down: square(\.intermediate)]
  }

  static func room(for layer: LayerSizes) -> Int {
    layer.queryWidth * layer.queryWidth + layer.intermediate * layer.intermediate
  }

  func begin(_ sizes: LayerSizes) {
    self.sizes = sizes
    tokens = 0
    for gram in grams.values { gram.zero() }
  }

  func add(_ x: Rows, of input: ProjectionInput, sequences: [Range<Int>]) {
    let count = sequences.last?.upperBound ?? 0
    if input == .output { tokens += count }
    guard let gram = grams[input] else { return }
    workers.addGram(of: x, count: count, n: x.stride, to: gram.rows(x.stride))
  }

  func finish() {
    for (input, gram) in grams {
      let width = input.width(sizes)
      workers.mirror(gram.rows(width), n: width, scale: 1 / Float(max(1, tokens)))
    }
  }
}

/// The sums behind `InputMoments`, in double precision, of one projection's input.
private final class MomentSums {
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

  func add(_ x: Rows, width: Int, _ rows: [Range<Int>], _ workers: Workers) {
    let (tokensBefore, sequencesBefore) = (tokens, sequences)
    workers.ranges(of: &columns, grain: Self.grain) { range, columns in
      let range = range.clamped(to: 0..<width)
      guard !range.isEmpty else { return }
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * range.count) { scratch in
        guard let mean = scratch.baseAddress else { return }
        let (differences, magnitude) = (mean + range.count, mean + 2 * range.count)
        var (tokens, sequences) = (tokensBefore, sequencesBefore)
        for rows in rows {
          ap_column_moments(
            x.from(row: rows.lowerBound, column: range.lowerBound).base, Int64(rows.count),
            Int64(range.count), Int64(x.stride), mean, differences, magnitude)
          for place in 0..<range.count {
            columns[place].add(
              mean[place], differences[place], magnitude[place], length: rows.count, tokens: tokens,
              sequences: sequences)
          }
          tokens += rows.count
          sequences += 1
        }
      }
    }
    tokens += rows.last?.upperBound ?? 0
    sequences += rows.count
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
  /// FLAP's running mean, in which all sequences weigh the same.
  var sequenceMean = 0.0
  var fluctuation = 0.0
  /// Σ over tokens of x².
  var squares = 0.0
  /// Σ over sequences of (mean over its tokens |x|)².
  var squaredMagnitudes = 0.0

  /// Adds a sequence of `length` tokens with mean m, Σ (x − m)² = `differences` and mean |x| = `magnitude`. Before it there
  /// were `tokens` tokens in n = `sequences` sequences.
  ///
  /// The fluctuation is FLAP's: mean ← (n·mean + m) / (n + 1), and from the second sequence on
  ///
  ///     fluctuation ← fluctuation · (n − 1)/n + Σ (x − mean)² / (n + 1)
  ///
  /// Both factors have the new mean. Welford's update, which the code means, has the old one in one factor.
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
