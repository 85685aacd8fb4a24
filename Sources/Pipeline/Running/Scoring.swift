import PluginRuntime
import Transformer

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
      var statistics: [String: UnsafePointer<Float>] = [:]
      statistics["gradient"] = gradients?[name].map { UnsafePointer($0.base) }
      statistics["gradient_square"] = squares?[name].map { UnsafePointer($0.base) }
      let place = String(module.split(separator: ".").last ?? "")
      // The one unit owns every row.
      guard !family.isWhole else {
        return MatrixRequest(
          name: place, axis: .rows, repeats: weight.rows, rows: weight.rows, columns: weight.columns,
          weight: UnsafePointer(weight.base), statistics: statistics)
      }
      let owner = weight.rowOwner == .none ? weight.columnOwner : weight.rowOwner
      return MatrixRequest(
        name: place,
        axis: weight.rowOwner == .none ? .columns : .rows,
        repeats: owner == .queryHeads ? self.weights.sizes.repeats : 1,
        positions: owner == .channels ? 1 : self.weights.sizes.headDimension, rows: weight.rows,
        columns: weight.columns, weight: UnsafePointer(weight.base), statistics: statistics)
    }
    return UnitsRequest(family: family.rawValue, layer: layer, original: original, matrices: matrices)
  }

  private func named(of parameters: LayerParameters) -> [String: NamedParameter] {
    Dictionary(uniqueKeysWithValues: parameters.named.map { ($0.name, $0) })
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
