import PluginRuntime

/// A decoder as plugins are asked about it: shapes, and numbers of a certain sort in all tensors.
struct SampleModel {
  /// Enough for methods that leave the first and last ones alone.
  var layers = 8
  var kvHeads = 2
  /// Query heads that share a key and value head.
  var repeats = 3
  var headDimension = 4
  var channels = 7
  var hidden = 6
  var numbers = Numbers.ordinary
  /// Which units plugins are asked about.
  var families = [SampleFamily.attention, .mlp]

  enum Numbers: String, CaseIterable {
    case ordinary, constant, zero, denormal, huge
    case notANumber = "NaN"

    /// The `index`th of an array that `stream` stands for, in [-1, 1) if they are ordinary.
    func value(_ index: Int, of random: RandomStream) -> Float {
      switch self {
      case .ordinary: 2 * random.uniform(index) - 1
      case .constant: 1
      case .zero: 0
      case .denormal: Float.leastNormalMagnitude / 1024
      case .huge: 1e30
      case .notANumber: .nan
      }
    }
  }

  var summary: ModelSummary {
    let parameters = layers * layerParameters + 2 * hidden
    return ModelSummary(
      architecture: "llama", layerCount: layers, hiddenSize: hidden, vocabularySize: Self.vocabularySize,
      parameters: parameters, originalParameters: parameters)
  }

  /// Token ids of whichever tokenizer are below it: data of a plugin's own has them.
  static let vocabularySize = 1 << 18

  private var layerParameters: Int { kvHeads * cost(of: .attention) + channels * cost(of: .mlp) }

  /// Parameters of one unit.
  func cost(of family: SampleFamily) -> Int {
    let group = headDimension * hidden * (2 * repeats + 2)
    switch family {
    case .attention: return group
    case .mlp: return 3 * hidden
    case .attentionBlock: return kvHeads * group
    case .mlpBlock: return channels * 3 * hidden
    case .layer: return kvHeads * group + channels * 3 * hidden
    }
  }

  func count(of family: SampleFamily) -> Int {
    switch family {
    case .attention: kvHeads
    case .mlp: channels
    default: 1
    }
  }
}

/// A sort of unit, by its name in the ABI.
enum SampleFamily: String, CaseIterable {
  case attention, mlp
  case attentionBlock = "attention_block"
  case mlpBlock = "mlp_block"
  case layer

  var isWhole: Bool { self != .attention && self != .mlp }

  /// Those that are pruned in one stage.
  static let groups: [[SampleFamily]] = [[.attention, .mlp], [.attentionBlock, .mlpBlock], [.layer]]
}

// MARK: - What criteria see

extension SampleModel {
  private struct Projection {
    let name: String
    let axis: MatrixRequest.Axis
    let rows: Int
    let columns: Int
    let repeats: Int
    let positions: Int
  }

  private func projections(of family: SampleFamily) -> [Projection] {
    let (keys, queries) = (kvHeads * headDimension, kvHeads * repeats * headDimension)
    func rows(_ name: String, _ rows: Int, _ repeats: Int = 1, _ positions: Int = 1) -> Projection {
      Projection(name: name, axis: .rows, rows: rows, columns: hidden, repeats: repeats, positions: positions)
    }
    let attention = [
      rows("k_proj", keys, 1, headDimension), rows("v_proj", keys, 1, headDimension),
      rows("q_proj", queries, repeats, headDimension),
      Projection(
        name: "o_proj", axis: .columns, rows: hidden, columns: queries, repeats: repeats,
        positions: headDimension),
    ]
    let mlp = [
      rows("gate_proj", channels), rows("up_proj", channels),
      Projection(
        name: "down_proj", axis: .columns, rows: hidden, columns: channels, repeats: 1, positions: 1),
    ]
    switch family {
    case .attention: return attention
    case .mlp: return mlp
    case .attentionBlock: return attention.map(whole)
    case .mlpBlock: return mlp.map(whole)
    case .layer: return (attention + mlp).map(whole)
    }
  }

  /// The one unit owns every row.
  private func whole(_ one: Projection) -> Projection {
    Projection(
      name: one.name, axis: .rows, rows: one.rows, columns: one.columns, repeats: one.rows, positions: 1)
  }

  /// One family of one layer, in memory of `arena`, with every statistic that there is.
  func units(_ family: SampleFamily, layer: Int, statistics: [Statistic], _ arena: Arena) -> UnitsRequest {
    var stream: UInt64 = UInt64(layer) << 32
    func random() -> RandomStream {
      stream += 1
      return RandomStream(seed: 1, plugin: family.rawValue, stream: stream)
    }
    let matrices = projections(of: family).map { one in
      let isOutput = one.name == "o_proj" || one.name == "down_proj"
      var given: [Statistic: MatrixMemory] = [:]
      for statistic in statistics {
        let random = random()
        guard statistic.carrier == .matrix || (statistic.carrier == .outputMatrix && isOutput) else {
          continue
        }
        given[statistic] = matrix(statistic, rows: one.rows, columns: one.columns, random, arena)
      }
      return MatrixRequest(
        name: one.name, axis: one.axis, repeats: one.repeats, positions: one.positions,
        weight: memory(one.rows, one.columns, random(), arena), statistics: given)
    }
    let count = count(of: family)
    var request = UnitsRequest(
      family: family.rawValue, layer: layer, original: Array(0..<count), matrices: matrices)
    for statistic in statistics where statistic.carrier == .wholeUnit && family.isWhole {
      let random = random()
      request.statistics[statistic] = (0..<count).map { abs(numbers.value($0, of: random)) }
    }
    return request
  }

  private func memory(_ rows: Int, _ columns: Int, _ random: RandomStream, _ arena: Arena) -> MatrixMemory {
    let values = (0..<rows * columns).map { numbers.value($0, of: random) }
    return MatrixMemory(arena.array(values), rows: rows, columns: columns)
  }

  /// A value of a weight matrix [rows, columns]; nil where matrices have none of that shape.
  private func matrix(
    _ statistic: Statistic, rows: Int, columns: Int, _ random: RandomStream, _ arena: Arena
  ) -> MatrixMemory? {
    guard let size = statistic.shape.size(rows: rows, columns: columns) else { return nil }
    let values =
      switch statistic.values {
      case .any: (0..<size.rows * size.columns).map { numbers.value($0, of: random) }
      case .nonNegative: (0..<size.rows * size.columns).map { abs(numbers.value($0, of: random)) }
      case .gram: gram(size.columns, random).map(Float.init)
      }
    return MatrixMemory(arena.array(values), rows: size.rows, columns: size.columns)
  }

  /// [n, n]: the mean of xᵀx over some more tokens than there are columns.
  func gram(_ n: Int, _ random: RandomStream) -> [Double] {
    let tokens = n + 3
    let x = (0..<tokens * n).map { Double(numbers.value($0, of: random)) }
    return (0..<n).flatMap { i in
      (0..<n).map { j in
        (0..<tokens).reduce(0.0) { $0 + x[$1 * n + i] * x[$1 * n + j] } / Double(tokens)
      }
    }
  }
}

// MARK: - What the others see

extension SampleModel {
  /// What an allocator sees: `goal` is the share of the parameters that is to stay.
  func allocation(goal: Double, iteration: Int = 0) -> (budget: BudgetRequest, layers: [LayerRequest]) {
    let rows = (0..<layers).map { layer in
      LayerRequest(
        families: families.map { family in
          let random = RandomStream(seed: 2, plugin: family.rawValue, stream: UInt64(layer))
          let count = count(of: family)
          return FamilyRequest(
            name: family.rawValue, count: count, originalCount: count,
            positions: family == .attention ? headDimension : 1, cost: cost(of: family),
            minimum: family.isWhole ? 0 : 1,
            scores: (0..<count).map { abs(numbers.value($0, of: random)) })
        },
        statistics: Dictionary(
          uniqueKeysWithValues: StatisticRegistry.host.entries(for: .allocator).map { statistic in
            let random = RandomStream(seed: 3, plugin: statistic.name, stream: UInt64(layer))
            return (statistic, Double(abs(numbers.value(0, of: random))))
          }))
    }
    let now = summary.parameters
    let wanted = Int(goal * Double(now))
    return (
      BudgetRequest(
        measure: "parameters", now: now, original: now, goal: wanted, iterationGoal: wanted,
        iteration: iteration, iterations: iteration + 1), rows
    )
  }

  /// An output projection that loses every third unit, with every statistic of compensators.
  func projection(_ family: SampleFamily, layer: Int, _ arena: Arena) -> ProjectionRequest {
    let name = family == .attention ? "o_proj" : "down_proj"
    let random = RandomStream(seed: 4, plugin: family.rawValue, stream: UInt64(layer))
    let columns = family == .attention ? kvHeads * repeats * headDimension : channels
    let width = columns / count(of: family)
    return ProjectionRequest(
      family: family.rawValue, layer: layer, name: name, weight: memory(hidden, columns, random, arena),
      bias: layer % 2 == 0 ? nil : (0..<hidden).map { numbers.value($0, of: random) },
      kept: (0..<columns).filter { columns == width || ($0 / width) % 3 != 1 },
      statistics: StatisticRegistry.host.entries(for: .compensator).reduce(into: [:]) {
        $0[$1] = matrix($1, rows: hidden, columns: columns, random, arena)
      })
  }

  /// The places of the residual stream.
  /// - Parameter goal: the share of the parameters that is to stay; nil: there is none.
  func residual(goal: Double?) -> ResidualRequest {
    var places: [PlaceRequest] = []
    func add(_ name: String, _ layer: Int, cost: Int) {
      let random = RandomStream(seed: 5, plugin: name, stream: UInt64(layer))
      let energies = (0..<hidden).map { abs(Double(numbers.value($0, of: random))) }
      places.append(
        PlaceRequest(name: name, layer: layer, cost: cost, energies: energies.sorted(by: >)))
    }
    for layer in 0..<layers {
      add("attention", layer, cost: kvHeads * headDimension * (2 * repeats + 2))
      add("mlp", layer, cost: 3 * channels)
    }
    add("head", layers, cost: 100)
    var request = ResidualRequest(
      measure: "parameters", hidden: hidden, fixed: hidden, original: summary.parameters, goal: nil,
      places: places)
    let whole = request.size(Array(repeating: hidden, count: places.count))
    request.goal = goal.map { Int($0 * Double(whole)) }
    return request
  }
}
