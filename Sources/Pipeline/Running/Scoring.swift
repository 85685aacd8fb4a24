import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// What an iteration of pruning decides by.
struct ScoredModel: Equatable {
  /// [layers], of the families that are pruned.
  let scores: [[Family: [Float]]]
  /// nil if there was no pass over calibration data.
  let distances: LayerDistances?
}

extension CriterionInstance {
  /// A layer's scores, of each of the families that has units in it.
  /// - Parameter kept: the layer's units by their indices in the unpruned model.
  func scores(
    of layer: CalibratedLayer, families: [Family], kept: KeptUnits, model: ModelSummary
  ) throws -> [Family: [Float]] {
    var scores: [Family: [Float]] = [:]
    for family in families {
      let original = kept.units(of: family)
      guard !original.isEmpty else { continue }
      scores[family] = try score(model: model, units: layer.request(family, original: original))
    }
    return scores
  }
}

extension ModelSummary {
  /// The model as it is now.
  init(_ model: LoadedModel) {
    let decoder = model.decoder
    self.init(
      architecture: decoder.configuration.architecture.rawValue, layerCount: decoder.layerCount,
      hiddenSize: decoder.hidden, vocabularySize: decoder.vocabulary, parameters: decoder.parameters,
      originalParameters: model.originalParameters)
  }
}

/// A layer's units as a criterion sees them, over the pass's own memory.
extension CalibratedLayer {
  /// - Parameter original: the units' indices in the unpruned model.
  package func request(_ family: Family, original: [Int]) -> UnitsRequest {
    let sizes = weights.sizes
    let owned = weights.named.filter { weight in
      weight.spec.isProjection && family.widths.contains { $0.sublayer == weight.spec.role.sublayer }
    }
    let (gradients, squares) = (gradients.map(byName), squares.map(byName))
    let matrices = owned.sorted { $0.spec.placeForCriteria < $1.spec.placeForCriteria }.map { weight in
      let spec = weight.spec
      var statistics = inputs?.statistics(of: spec.role, columns: weight.columns) ?? [:]
      statistics["gradient"] = gradients?[spec.name].map(MatrixMemory.init)
      statistics["gradient_square"] = squares?[spec.name].map(MatrixMemory.init)
      for (name, gram) in outputGradients(of: spec.role) {
        statistics[name] = MatrixMemory(gram.base, rows: weight.rows, columns: weight.rows)
      }
      // The one unit owns every row.
      guard !family.isWhole else {
        return MatrixRequest(
          name: spec.shortName, axis: .rows, repeats: weight.rows, weight: MatrixMemory(weight),
          statistics: statistics)
      }
      let dimension = spec.rows.owner == nil ? spec.columns ?? spec.rows : spec.rows
      return MatrixRequest(
        name: spec.shortName, axis: spec.rows.owner == nil ? .columns : .rows,
        repeats: dimension == .queryHeads ? sizes.repeats : 1,
        positions: dimension == .channels ? 1 : sizes.headDimension, weight: MatrixMemory(weight),
        statistics: statistics)
    }
    return UnitsRequest(
      family: family.rawValue, layer: layer, original: original, matrices: matrices,
      statistics: statistics(of: family))
  }

  /// By the names of the ABI, what there is of the units themselves.
  private func statistics(of family: Family) -> [String: [Float]] {
    var statistics: [String: [Float]] = [:]
    if let cosine = cosine(of: family) { statistics["block_cosine"] = [Float(cosine)] }
    if let change = removals[family] {
      statistics["removal_angle"] = [Float(change.angle)]
      statistics["removal_norm"] = [Float(change.norm)]
    }
    return statistics
  }

  private func cosine(of family: Family) -> Double? {
    switch family {
    case .attention, .mlp: nil
    case .attentionBlock: cosines?.attention
    case .mlpBlock: cosines?.mlp
    case .layer: cosines?.layer
    }
  }

  /// By the names of the ABI, Gram matrices of the gradients at a projection's outputs.
  private func outputGradients(of role: ParameterSpec.Role) -> [(name: String, gram: Buffer)] {
    Labels.allCases.compactMap { labels in
      guard let grams = outputGradients[labels] else { return nil }
      let name = labels == .data ? "output_gradient_gram" : "output_fisher"
      guard role.isOutput else { return nil }
      return (name, role.sublayer == .attention ? grams.attention : grams.mlp)
    }
  }

  private func byName(_ parameters: LayerParameters) -> [String: NamedParameter] {
    Dictionary(uniqueKeysWithValues: parameters.named.map { ($0.name, $0) })
  }
}

extension ParameterSpec {
  /// Criteria see a sublayer's projections in this order: those with one head (or channel) a unit, then the query heads
  /// that share it, then the one whose columns the units own.
  fileprivate var placeForCriteria: (Int, Int) {
    (role.sublayer == .attention ? 0 : 1, rows.owner == nil ? 2 : rows == .queryHeads ? 1 : 0)
  }
}

extension MatrixMemory {
  fileprivate init(_ parameter: NamedParameter) {
    self.init(parameter.base, rows: parameter.rows, columns: parameter.columns)
  }
}

extension LayerInputs {
  /// By the names of the ABI, what there is of a projection's inputs.
  fileprivate func statistics(of role: ParameterSpec.Role, columns: Int) -> [String: MatrixMemory] {
    let (moments, gram): (InputMoments?, Buffer?) =
      switch role {
      case .query, .key, .value: (queryKeyValue, nil)
      case .attentionOutput: (output, outputGram)
      case .gate, .up: (gateUp, nil)
      case .down: (down, downGram)
      case .attentionNorm, .attentionShortcut, .queryNorm, .keyNorm, .attentionOutputNorm, .mlpNorm,
        .mlpShortcut, .mlpOutputNorm:
        (nil, nil)
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
  /// - Parameters:
  ///   - families: whose units are to be scored.
  ///   - seed: what labels drawn from the model depend on.
  init(
    sequences: [[Int32]], batchSize: Int, statistics: Set<String>, families: [Family], seed: UInt64
  ) {
    self.init(
      sequences: sequences, batchSize: batchSize,
      gradients: statistics.contains("gradient_square")
        ? .sumAndSquares : statistics.contains("gradient") ? .sum : .none)
    if statistics.contains("input_gram") { inputs.insert(.gram) }
    if statistics.contains(where: { $0.hasPrefix("input_") && $0 != "input_gram" }) {
      inputs.insert(.moments)
    }
    blockCosines = statistics.contains("block_cosine")
    if statistics.contains("output_gradient_gram") { outputGradients.insert(.data) }
    if statistics.contains("output_fisher") { outputGradients.insert(.model) }
    if statistics.contains(where: { $0.hasPrefix("removal_") }) {
      removals = Set(families.filter(\.isWhole))
    }
    self.seed = seed
  }
}

extension LayerSizes {
  /// What one unit costs in a target's measure; with a whole sublayer go its norms and biases.
  func cost(of family: Family, in measure: Target.Measure) -> Int {
    switch measure {
    case .parameters: parametersPerUnit(of: family)
    case .macs: multiplyAccumulatesPerUnit(of: family)
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
