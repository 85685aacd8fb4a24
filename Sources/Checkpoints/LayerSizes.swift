/// The sizes of one decoder layer as it is now, pruned or not, and what they come to. Counts of elements, not bytes.
///
/// Without KV groups the layer has no attention (and no norm of it), without channels no MLP; without either it hands
/// on what it gets.
public struct LayerSizes: Equatable, Sendable {
  public var hidden: Int
  public var shape: LayerShape
  public var biases: Biases
  public var design: DecoderDesign
  /// How much of the residual stream there is before attention, before the MLP and behind it, where the model is sliced.
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

  /// Columns of the residual stream that attention reads, that the MLP reads, and that leave the layer: `hidden`, unless
  /// the model is sliced.
  public var inputWidth: Int { sliced?.input ?? hidden }
  public var middleWidth: Int { sliced?.middle ?? hidden }
  public var outputWidth: Int { sliced?.output ?? hidden }

  public var hasAttention: Bool { keyValueHeads > 0 }
  public var hasMLP: Bool { intermediate > 0 }
  /// Nothing is left: the layer's output is its input.
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

  /// How many rows or columns one unit owns; nil if they are nobody's.
  public func perUnit(_ dimension: LayerDimension) -> Int? {
    switch dimension {
    case .input, .middle, .output, .hidden, .head: nil
    case .queryHeads: repeats * headDimension
    case .keyValueHeads: headDimension
    case .channels: 1
    }
  }

  // MARK: - Parameters

  /// What a layer of this design has while both sublayers are there.
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

  /// Parameters of a whole sublayer, its norms and biases included; 0 where it is gone.
  public func parameters(of sublayer: ParameterSpec.Sublayer) -> Int {
    guard has(sublayer) else { return 0 }
    return specs.reduce(0) { $0 + ($1.role.sublayer == sublayer ? elements($1) : 0) }
  }

  /// Parameters that leave with one unit of a sublayer: its rows and columns of the projections, and their biases.
  public func parametersPerUnit(of sublayer: ParameterSpec.Sublayer) -> Int {
    specs.reduce(0) { $0 + ($1.role.sublayer == sublayer ? elementsPerUnit($1) : 0) }
  }

  public var parameters: Int { ParameterSpec.Sublayer.allCases.reduce(0) { $0 + parameters(of: $1) } }

  /// Multiply-accumulates a token in the layer's matrices (attention over the context comes on top and depends
  /// on its length; norms and biases are left out, as is usual).
  public func multiplyAccumulates(of sublayer: ParameterSpec.Sublayer) -> Int {
    guard has(sublayer) else { return 0 }
    return specs.reduce(0) {
      $0 + ($1.role.sublayer == sublayer && $1.columns != nil ? elements($1) : 0)
    }
  }

  public func multiplyAccumulatesPerUnit(of sublayer: ParameterSpec.Sublayer) -> Int {
    specs.reduce(0) {
      $0 + ($1.role.sublayer == sublayer && $1.columns != nil ? elementsPerUnit($1) : 0)
    }
  }

  public var multiplyAccumulates: Int {
    ParameterSpec.Sublayer.allCases.reduce(0) { $0 + multiplyAccumulates(of: $1) }
  }
}
