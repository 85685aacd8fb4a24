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
    let matrices = names.compactMap { module -> MatrixRequest? in
      let name = module + ".weight"
      guard let weight = weights[name] else { return nil }
      let gathered = statistics(of: module, rows: weight.rows, columns: weight.columns)
      let statistics = gathered.reduce(into: [Statistic: MatrixMemory]()) { statistics, one in
        statistics[one.statistic] = MatrixMemory(one.base, rows: one.rows, columns: one.columns)
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

  private func named(of parameters: LayerParameters) -> [String: NamedParameter] {
    Dictionary(uniqueKeysWithValues: parameters.named.map { ($0.name, $0) })
  }
}

extension MatrixMemory {
  fileprivate init(_ parameter: NamedParameter) {
    self.init(parameter.base, rows: parameter.rows, columns: parameter.columns)
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
