import PluginRuntime
import Tensors
import Transformer

/// A layer's units as a criterion sees them, over the pass's own memory.
extension CalibratedLayer {
  /// - Parameter original: the units' indices in the unpruned model.
  package func request(_ family: Family, original: [Int]) -> UnitsRequest {
    let names =
      switch family {
      case .attention: ["self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.o_proj"]
      case .mlp: ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
      }
    let weights = named(of: weights)
    let gradients = gradients.map(named)
    let squares = squares.map(named)
    let matrices = names.compactMap { module -> MatrixRequest? in
      let name = module + ".weight"
      guard let weight = weights[name] else { return nil }
      var statistics = inputs?.statistics(of: module, columns: weight.columns) ?? [:]
      statistics["gradient"] = gradients?[name].map(MatrixMemory.init)
      statistics["gradient_square"] = squares?[name].map(MatrixMemory.init)
      let owner = weight.rowOwner == .none ? weight.columnOwner : weight.rowOwner
      return MatrixRequest(
        name: String(module.split(separator: ".").last ?? ""),
        axis: weight.rowOwner == .none ? .columns : .rows,
        repeats: owner == .queryHeads ? self.weights.sizes.repeats : 1,
        positions: owner == .channels ? 1 : self.weights.sizes.headDimension, weight: MatrixMemory(weight),
        statistics: statistics)
    }
    return UnitsRequest(family: family.rawValue, layer: layer, original: original, matrices: matrices)
  }

  private func named(of parameters: LayerParameters) -> [String: NamedParameter] {
    Dictionary(uniqueKeysWithValues: parameters.named.map { ($0.name, $0) })
  }
}

extension MatrixMemory {
  fileprivate init(_ parameter: NamedParameter) {
    self.init(parameter.base, rows: parameter.rows, columns: parameter.columns)
  }
}

extension LayerInputs {
  /// By the names of the ABI, what there is of a module's inputs.
  fileprivate func statistics(of module: String, columns: Int) -> [String: MatrixMemory] {
    let (moments, gram): (InputMoments?, Buffer?) =
      switch module {
      case "self_attn.o_proj": (output, outputGram)
      case "mlp.down_proj": (down, downGram)
      case "mlp.gate_proj", "mlp.up_proj": (gateUp, nil)
      default: (queryKeyValue, nil)
      }
    var statistics: [String: MatrixMemory] = [:]
    statistics["input_gram"] = gram.map { MatrixMemory($0.base, rows: columns, columns: columns) }
    guard let moments else { return statistics }
    for (name, values) in [
      ("input_mean", moments.mean), ("input_variance", moments.variance),
      ("input_fluctuation", moments.fluctuation), ("input_norm", moments.norm),
      ("input_magnitude", moments.magnitude),
    ] { statistics[name] = MatrixMemory(values.base, rows: 1, columns: columns) }
    return statistics
  }
}

extension CalibrationRequest {
  /// A pass that gathers what these statistics of the ABI need.
  init(sequences: [[Int32]], batchSize: Int, statistics: Set<String>) {
    self.init(
      sequences: sequences, batchSize: batchSize,
      gradients: statistics.contains("gradient_square")
        ? .sumAndSquares : statistics.contains("gradient") ? .sum : .none)
    if statistics.contains("input_gram") { inputs.insert(.gram) }
    if statistics.contains(where: { $0.hasPrefix("input_") && $0 != "input_gram" }) {
      inputs.insert(.moments)
    }
    blockCosines = statistics.contains("block_cosine")
  }
}

extension LayerSizes {
  func count(of family: Family) -> Int { family == .attention ? keyValueHeads : intermediate }

  /// What one unit costs in a target's measure.
  func cost(of family: Family, in measure: Target.Measure) -> Int {
    switch (family, measure) {
    case (.attention, .parameters): parametersPerGroup
    case (.mlp, .parameters): parametersPerChannel
    case (.attention, .macs): multiplyAccumulatesPerGroup
    case (.mlp, .macs): multiplyAccumulatesPerChannel
    }
  }
}

extension LayerDistances {
  /// By the names of the ABI.
  func statistics(of layer: Int) -> [String: Double] {
    guard cosine.indices.contains(layer) else { return [:] }
    return [
      "layer_cosine": cosine[layer], "layer_euclidean": euclidean[layer], "layer_manhattan": manhattan[layer],
    ]
  }
}
