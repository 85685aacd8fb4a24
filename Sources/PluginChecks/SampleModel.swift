import PluginRuntime

/// A small decoder for the checks: its shapes, and the sort of numbers in its tensors.
struct SampleModel {
  /// Enough layers for methods that spare the first and last ones.
  var layers = 8
  var kvHeads = 2
  /// Query heads that share a key and value head.
  var repeats = 3
  var headDimension = 4
  var channels = 7
  var hidden = 6
  var numbers = Numbers.ordinary
  /// The families that plugins are asked about.
  var families = [SampleFamily.attention, .mlp]

  enum Numbers: String, CaseIterable {
    case ordinary, constant, zero, denormal, huge
    case notANumber = "NaN"

    /// The number at `index` of the array that `random` stands for. Ordinary numbers are in [-1, 1).
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

  /// Larger than the token ids of every tokenizer. The author's data has such ids.
  static let vocabularySize = 1 << 18

  private var layerParameters: Int { kvHeads * cost(of: .attention) + channels * cost(of: .mlp) }

  /// The number of parameters of one unit.
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

/// A family of units, by its name in the ABI.
enum SampleFamily: String, CaseIterable {
  case attention, mlp
  case attentionBlock = "attention_block"
  case mlpBlock = "mlp_block"
  case layer

  var isWhole: Bool { self != .attention && self != .mlp }

  /// The families that one stage prunes together.
  static let groups: [[SampleFamily]] = [[.attention, .mlp], [.attentionBlock, .mlpBlock], [.layer]]
}

// MARK: - The requests to criteria

extension SampleModel {
  private struct Projection {
    let name: String
    let axis: MatrixRequest.Axis
    let rows: Int
    let columns: Int
    let repeats: Int
    let positions: Int

    /// The same for a whole sublayer or layer: its one unit owns every row.
    var whole: Projection {
      Projection(name: name, axis: .rows, rows: rows, columns: columns, repeats: rows, positions: 1)
    }
  }

  private func projections(of family: SampleFamily) -> [Projection] {
    let head = headDimension
    func rows(_ name: String, _ units: Int, _ repeats: Int = 1, _ positions: Int = 1) -> Projection {
      Projection(
        name: name, axis: .rows, rows: units * repeats * positions, columns: hidden, repeats: repeats,
        positions: positions)
    }
    func columns(_ name: String, _ units: Int, _ repeats: Int = 1, _ positions: Int = 1) -> Projection {
      Projection(
        name: name, axis: .columns, rows: hidden, columns: units * repeats * positions, repeats: repeats,
        positions: positions)
    }
    let attention = [
      rows("k_proj", kvHeads, 1, head), rows("v_proj", kvHeads, 1, head),
      rows("q_proj", kvHeads, repeats, head), columns("o_proj", kvHeads, repeats, head),
    ]
    let mlp = [rows("gate_proj", channels), rows("up_proj", channels), columns("down_proj", channels)]
    switch family {
    case .attention: return attention
    case .mlp: return mlp
    case .attentionBlock: return attention.map(\.whole)
    case .mlpBlock: return mlp.map(\.whole)
    case .layer: return (attention + mlp).map(\.whole)
    }
  }

  /// One family of one layer with its statistics, in memory of `arena`.
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

  /// A statistic of a weight matrix [rows, columns]. nil if matrices have none of its shape.
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

  /// The mean of xᵀx over n + 3 tokens: [n, n].
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

// MARK: - The requests to the other kinds

extension SampleModel {
  /// An allocator's request.
  /// - Parameter goal: the share of the parameters that stays.
  func allocation(goal: Double) -> (budget: BudgetRequest, layers: [LayerRequest]) {
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
        iteration: 0, iterations: 1), rows
    )
  }

  /// An output projection that loses every third unit. It has every statistic of compensators.
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
  /// - Parameter goal: the share of the parameters that stays. nil if the stage has no target.
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
