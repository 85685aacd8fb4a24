import Checkpoints
import Statistics
import Tensors

/// How a calibration pass gathers one statistic: what to ask of the pass, and where the value is.
///
/// A new statistic is an entry in `HostStatistics.swift`, what gathers it, and a line in `Gatherers.host`.
public struct Gatherer: Sendable {
  public let statistic: Statistic
  /// Adds what the statistic needs to a request that scores units of these families.
  let ask: @Sendable (inout CalibrationRequest, _ families: [Family]) -> Void
  let value: Value

  /// The value while the pass is at the layer; nil where there is none.
  public enum Value: Sendable {
    /// Of a projection's weight: packed, in the size of the statistic's shape.
    case ofMatrix(@Sendable (CalibratedLayer, ParameterSpec.Role) -> UnsafePointer<Float>?)
    /// [units] of a family.
    case ofUnits(@Sendable (CalibratedLayer, Family) -> [Float]?)
    case ofLayer(@Sendable (LayerDistances, _ layer: Int) -> Double)
  }

  public init(
    _ statistic: Statistic, asking ask: @escaping @Sendable (inout CalibrationRequest, [Family]) -> Void,
    _ value: Value
  ) {
    self.statistic = statistic
    self.ask = ask
    self.value = value
  }

  /// A statistic of an `InputGatherer`.
  public init(
    _ statistic: Statistic, from inputs: InputStatistics,
    _ value: @escaping @Sendable (LayerInputs, ProjectionInput) -> UnsafePointer<Float>?
  ) {
    self.init(
      statistic, asking: { request, _ in request.inputs.insert(inputs) },
      .ofMatrix { layer, role in
        guard let inputs = layer.inputs, let input = ProjectionInput(of: role) else { return nil }
        return value(inputs, input)
      })
  }
}

/// The known gatherers, one for each statistic.
public struct Gatherers: Sendable {
  public private(set) var all: [Gatherer]

  public mutating func register(_ gatherer: Gatherer) { all.append(gatherer) }

  public static let host = Gatherers(all: [
    .gradient, .gradientSquare, .inputMean, .inputVariance, .inputFluctuation, .inputNorm, .inputMagnitude,
    .inputGram, .outputGradientGram, .outputFisher, .blockCosine, .removalAngle, .removalNorm, .layerCosine,
    .layerEuclidean, .layerManhattan,
  ])
}

extension CalibrationRequest {
  /// A pass that gathers these statistics.
  /// - Parameters:
  ///   - families: the families whose units are scored.
  ///   - seed: the seed of labels drawn from the model.
  public init(
    sequences: [[Int32]], batchSize: Int, statistics: [Statistic], by known: Gatherers = .host,
    families: [Family], seed: UInt64
  ) {
    self.init(sequences: sequences, batchSize: batchSize, gradients: .none)
    gatherers = known.all.filter { statistics.contains($0.statistic) }
    for gatherer in gatherers { gatherer.ask(&self, families) }
    self.seed = seed
  }
}

// MARK: - Values

extension CalibratedLayer {
  /// The statistics of a projection's weight that were asked for.
  public func statistics(
    of weight: NamedParameter
  ) -> [(statistic: Statistic, base: UnsafePointer<Float>, rows: Int, columns: Int)] {
    gatherers.compactMap { gatherer in
      guard case .ofMatrix(let value) = gatherer.value, let base = value(self, weight.spec.role),
        let size = gatherer.statistic.shape.size(rows: weight.rows, columns: weight.columns)
      else { return nil }
      return (gatherer.statistic, base, size.rows, size.columns)
    }
  }

  /// The statistics of a family's units that were asked for.
  public func statistics(of family: Family) -> [Statistic: [Float]] {
    gatherers.reduce(into: [:]) { statistics, gatherer in
      guard case .ofUnits(let value) = gatherer.value else { return }
      statistics[gatherer.statistic] = value(self, family)
    }
  }

  fileprivate func cosine(of family: Family) -> Double? {
    switch family {
    case .attention, .mlp: nil
    case .attentionBlock: cosines?.attention
    case .mlpBlock: cosines?.mlp
    case .layer: cosines?.layer
    }
  }
}

extension LayerDistances {
  /// All statistics of a layer.
  public func statistics(of layer: Int) -> [Statistic: Double] {
    guard cosine.indices.contains(layer) else { return [:] }
    return Gatherers.host.all.reduce(into: [:]) { statistics, gatherer in
      guard case .ofLayer(let value) = gatherer.value else { return }
      statistics[gatherer.statistic] = value(self, layer)
    }
  }
}

extension CutProjection {
  /// The statistics that compensators may ask for.
  public var statistics: [Statistic: Buffer] {
    [.inputMean: inputMean, .inputGram: inputGram, .targetMean: targetMean, .targetProduct: targetProduct]
  }
}

extension LayerParameters {
  fileprivate func weight(of role: ParameterSpec.Role) -> UnsafePointer<Float>? {
    named.first { $0.spec.role == role && !$0.spec.isBias }.map { UnsafePointer($0.base) }
  }
}

// MARK: - The host's gatherers

extension Gatherer {
  static let gradient = Gatherer(
    .gradient, asking: { request, _ in if request.gradients == .none { request.gradients = .sum } },
    .ofMatrix { $0.gradients?.weight(of: $1) })
  static let gradientSquare = Gatherer(
    .gradientSquare, asking: { request, _ in request.gradients = .sumAndSquares },
    .ofMatrix { $0.squares?.weight(of: $1) })

  static let inputMean = moments(.inputMean) { $0.mean }
  static let inputVariance = moments(.inputVariance) { $0.variance }
  static let inputFluctuation = moments(.inputFluctuation) { $0.fluctuation }
  static let inputNorm = moments(.inputNorm) { $0.norm }
  static let inputMagnitude = moments(.inputMagnitude) { $0.magnitude }
  static let inputGram = Gatherer(.inputGram, from: .gram) { inputs, input in
    inputs.gram(of: input).map { UnsafePointer($0.base) }
  }
  private static func moments(
    _ statistic: Statistic, _ value: @escaping @Sendable (InputMoments) -> Buffer
  ) -> Gatherer {
    Gatherer(statistic, from: .moments) { inputs, input in
      inputs.moments(of: input).map { UnsafePointer(value($0).base) }
    }
  }

  static let outputGradientGram = outputGradients(.outputGradientGram, .data)
  static let outputFisher = outputGradients(.outputFisher, .model)
  private static func outputGradients(_ statistic: Statistic, _ labels: Labels) -> Gatherer {
    Gatherer(
      statistic, asking: { request, _ in request.outputGradients.insert(labels) },
      .ofMatrix { layer, role in
        guard role.isOutput, let grams = layer.outputGradients[labels] else { return nil }
        return UnsafePointer((role.sublayer == .attention ? grams.attention : grams.mlp).base)
      })
  }

  static let blockCosine = Gatherer(
    .blockCosine, asking: { request, _ in request.blockCosines = true },
    .ofUnits { layer, family in layer.cosine(of: family).map { [Float($0)] } })
  static let removalAngle = removals(.removalAngle) { $0.angle }
  static let removalNorm = removals(.removalNorm) { $0.norm }
  private static func removals(
    _ statistic: Statistic, _ value: @escaping @Sendable (OutputChange) -> Double
  ) -> Gatherer {
    Gatherer(
      statistic, asking: { request, families in request.removals = Set(families.filter(\.isWhole)) },
      .ofUnits { layer, family in layer.removals[family].map { [Float(value($0))] } })
  }

  // Every pass measures these. They cost nothing.
  static let layerCosine = Gatherer(.layerCosine, asking: { _, _ in }, .ofLayer { $0.cosine[$1] })
  static let layerEuclidean = Gatherer(.layerEuclidean, asking: { _, _ in }, .ofLayer { $0.euclidean[$1] })
  static let layerManhattan = Gatherer(.layerManhattan, asking: { _, _ in }, .ofLayer { $0.manhattan[$1] })
}
