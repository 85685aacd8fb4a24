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
    let names = family.widths.flatMap { width in
      width == .attention
        ? ["self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.o_proj"]
        : ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
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
      for (name, gram) in outputGradients(of: module) {
        statistics[name] = MatrixMemory(gram.base, rows: weight.rows, columns: weight.rows)
      }
      let place = String(module.split(separator: ".").last ?? "")
      // The one unit owns every row.
      guard !family.isWhole else {
        return MatrixRequest(
          name: place, axis: .rows, repeats: weight.rows, weight: MatrixMemory(weight), statistics: statistics
        )
      }
      let owner = weight.rowOwner == .none ? weight.columnOwner : weight.rowOwner
      return MatrixRequest(
        name: place,
        axis: weight.rowOwner == .none ? .columns : .rows,
        repeats: owner == .queryHeads ? self.weights.sizes.repeats : 1,
        positions: owner == .channels ? 1 : self.weights.sizes.headDimension, weight: MatrixMemory(weight),
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

  /// By the names of the ABI, Gram matrices of the gradients at a module's outputs.
  private func outputGradients(of module: String) -> [(name: String, gram: Buffer)] {
    Labels.allCases.compactMap { labels in
      guard let grams = outputGradients[labels] else { return nil }
      let name = labels == .data ? "output_gradient_gram" : "output_fisher"
      return switch module {
      case "self_attn.o_proj": (name, grams.attention)
      case "mlp.down_proj": (name, grams.mlp)
      default: nil
      }
    }
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
  func count(of family: Family) -> Int {
    switch family {
    case .attention: keyValueHeads
    case .mlp: intermediate
    case .attentionBlock: hasAttention ? 1 : 0
    case .mlpBlock: hasMLP ? 1 : 0
    case .layer: isEmpty ? 0 : 1
    }
  }

  /// What one unit costs in a target's measure; with a whole sublayer go its norms and biases.
  func cost(of family: Family, in measure: Target.Measure) -> Int {
    switch (family, measure) {
    case (.attention, .parameters): parametersPerGroup
    case (.mlp, .parameters): parametersPerChannel
    case (.attention, .macs): multiplyAccumulatesPerGroup
    case (.mlp, .macs): multiplyAccumulatesPerChannel
    case (.attentionBlock, .parameters): attentionParameters
    case (.mlpBlock, .parameters): mlpParameters
    case (.layer, .parameters): parameters
    case (.attentionBlock, .macs): attentionMultiplyAccumulates
    case (.mlpBlock, .macs): mlpMultiplyAccumulates
    case (.layer, .macs): multiplyAccumulates
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
