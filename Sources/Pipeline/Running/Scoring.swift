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
  func scores(
    of layer: CalibratedLayer, families: [Family], kept: KeptUnits<Numbering.Original>, model: ModelSummary
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
  package func request(_ family: Family, original: [OriginalUnit]) -> UnitsRequest {
    let sizes = weights.sizes
    let owned = weights.named.filter { weight in
      weight.spec.isProjection && family.widths.contains { $0.sublayer == weight.spec.role.sublayer }
    }
    let matrices = owned.sorted { $0.spec.placeForCriteria < $1.spec.placeForCriteria }.map { weight in
      let spec = weight.spec
      let statistics = statistics(of: weight).reduce(into: [Statistic: MatrixMemory]()) { statistics, one in
        statistics[one.statistic] = MatrixMemory(one.base, rows: one.rows, columns: one.columns)
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
      family: family.rawValue, layer: layer, original: original.map(\.value), matrices: matrices,
      statistics: statistics(of: family))
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

extension LayerSizes {
  /// What one unit costs in a target's measure; with a whole sublayer go its norms and biases.
  func cost(of family: Family, in measure: Target.Measure) -> Int {
    costPerUnit(of: family, in: measure == .parameters ? .parameters : .multiplyAccumulates)
  }
}
