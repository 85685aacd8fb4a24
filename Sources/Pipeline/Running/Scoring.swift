import Checkpoints
import PluginRuntime
import Tensors
import Transformer

/// The scores and distances by which an iteration of pruning decides.
struct ScoredModel: Equatable {
  /// [layers], for each family that is pruned.
  let scores: [[Family: [Float]]]
  /// nil without a pass over calibration data.
  let distances: LayerDistances?
}

extension CriterionInstance {
  /// Returns a layer's scores for each family that has units in it.
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
  /// Describes the current model.
  init(_ model: LoadedModel) {
    let decoder = model.decoder
    self.init(
      architecture: decoder.configuration.architecture.rawValue, layerCount: decoder.layerCount,
      hiddenSize: decoder.hidden, vocabularySize: decoder.vocabulary, parameters: decoder.parameters,
      originalParameters: model.originalParameters)
  }
}

/// A layer's units as a criterion sees them. Requests borrow the pass's memory.
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
      // A whole sublayer is one unit, which owns every row.
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
  /// The order of a sublayer's projections for criteria: first those with one head or channel a unit, then the query
  /// projection, then the projection whose columns the units own.
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
  /// The cost of one unit in a target's measure. A whole sublayer includes its norms and biases.
  func cost(of family: Family, in measure: Target.Measure) -> Int {
    costPerUnit(of: family, in: measure == .parameters ? .parameters : .multiplyAccumulates)
  }
}
