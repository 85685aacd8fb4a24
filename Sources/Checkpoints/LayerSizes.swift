/// The present sizes of one decoder layer, pruned or not, and its costs, in elements.
///
/// Without KV groups the layer has no attention (and no norm of it), without channels no MLP. Without both its output is
/// its input.
public struct LayerSizes: Equatable, Sendable {
  public var hidden: Int
  public var shape: LayerShape
  public var biases: Biases
  public var design: DecoderDesign
  /// The widths of a sliced model's residual stream before attention, before the MLP and behind it.
  public var sliced: ResidualWidths.Layer?

  public init(
    hidden: Int, shape: LayerShape, biases: Biases = Biases(), design: DecoderDesign = DecoderDesign(),
    sliced: ResidualWidths.Layer? = nil
  ) {
    self.hidden = hidden
    self.shape = shape
    self.biases = biases
    self.design = design
    self.sliced = sliced
  }

  public var queryHeads: Int { shape.queryHeads }
  public var keyValueHeads: Int { shape.keyValueHeads }
  public var headDimension: Int { shape.headDimension }
  public var intermediate: Int { shape.intermediateSize }

  /// Columns of the residual stream that attention reads, that the MLP reads, and that leave the layer: `hidden`, if the
  /// model is not sliced.
  public var inputWidth: Int { sliced?.input ?? hidden }
  public var middleWidth: Int { sliced?.middle ?? hidden }
  public var outputWidth: Int { sliced?.output ?? hidden }

  public var hasAttention: Bool { keyValueHeads > 0 }
  public var hasMLP: Bool { intermediate > 0 }
  /// Whether nothing is left and the layer's output is its input.
  public var isEmpty: Bool { !hasAttention && !hasMLP }

  public func has(_ sublayer: ParameterSpec.Sublayer) -> Bool {
    sublayer == .attention ? hasAttention : hasMLP
  }

  /// Query heads that share one key and value head; 0 without attention.
  public var repeats: Int { shape.repeats }
  public var queryWidth: Int { queryHeads * headDimension }
  public var keyValueWidth: Int { keyValueHeads * headDimension }
  /// Columns of queries, keys and values side by side.
  public var queryKeyValueWidth: Int { queryWidth + 2 * keyValueWidth }

  public subscript(dimension: LayerDimension) -> Int {
    switch dimension {
    case .input: inputWidth
    case .middle: middleWidth
    case .output: outputWidth
    case .hidden: hidden
    case .head: headDimension
    case .queryHeads: queryWidth
    case .keyValueHeads: keyValueWidth
    case .channels: intermediate
    }
  }

  /// How many rows or columns one unit owns; nil if units own none.
  public func perUnit(_ dimension: LayerDimension) -> Int? {
    switch dimension {
    case .input, .middle, .output, .hidden, .head: nil
    case .queryHeads: repeats * headDimension
    case .keyValueHeads: headDimension
    case .channels: 1
    }
  }

  // MARK: - Parameters

  /// The parameters of a layer of this design with both sublayers.
  public var specs: [ParameterSpec] { ParameterSpec.list(design, biases, isSliced: sliced != nil) }

  /// [rows, columns]; of a vector [rows].
  public func shape(of spec: ParameterSpec) -> [Int] {
    [self[spec.rows]] + (spec.columns.map { [self[$0]] } ?? [])
  }

  private func elements(_ spec: ParameterSpec) -> Int {
    self[spec.rows] * (spec.columns.map { self[$0] } ?? 1)
  }

  private func elementsPerUnit(_ spec: ParameterSpec) -> Int {
    if let rows = perUnit(spec.rows) { return rows * (spec.columns.map { self[$0] } ?? 1) }
    return self[spec.rows] * (spec.columns.flatMap(perUnit) ?? 0)
  }

  /// The measure of a cost.
  public enum Measure: Sendable {
    case parameters
    /// Multiply-accumulates in the layer's matrices for one token. Attention over the context is not counted, since it
    /// depends on the length; norms and biases are not, as is usual.
    case multiplyAccumulates
  }

  /// The cost of a whole sublayer with norms and biases; 0 if it was removed.
  public func cost(of sublayer: ParameterSpec.Sublayer, in measure: Measure) -> Int {
    has(sublayer) ? sum(sublayer, measure, elements) : 0
  }

  /// The cost of one unit of a sublayer: its rows and columns of the projections, and their biases.
  public func costPerUnit(of sublayer: ParameterSpec.Sublayer, in measure: Measure) -> Int {
    sum(sublayer, measure, elementsPerUnit)
  }

  private func sum(
    _ sublayer: ParameterSpec.Sublayer, _ measure: Measure, _ elements: (ParameterSpec) -> Int
  ) -> Int {
    specs.reduce(0) {
      let counts = $1.role.sublayer == sublayer && (measure == .parameters || $1.columns != nil)
      return $0 + (counts ? elements($1) : 0)
    }
  }

  public func cost(in measure: Measure) -> Int {
    ParameterSpec.Sublayer.allCases.reduce(0) { $0 + cost(of: $1, in: measure) }
  }
  public var parameters: Int { cost(in: .parameters) }
  public var multiplyAccumulates: Int { cost(in: .multiplyAccumulates) }
}
