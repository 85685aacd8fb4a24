import PluginKit

/// How much a unit's inputs to the output projection vary, and what the projection makes of it (FLAP, An et al., section
/// 3.2; `metrics` in lib/prune.py). For column j of o_proj or down_proj, W [rows, columns]:
///
///     IFV   fluctuation[j]
///     WIFV  fluctuation[j] · Σ_i W[i, j]²
///     WIFN  mean_i |W[i, j]| · ‖x[j]‖₂
///
/// In attention the metric is squared. Standardised, a layer's columns have mean 0 and (sample) variance 1, so that layers
/// and families can be ranked together; a KV group then has the mean of its query heads' columns, else their sum.
struct FLAPMetric: Criterion {
  enum Metric: String, Decodable, CaseIterable {
    case ifv = "IFV"
    case wifv = "WIFV"
    case wifn = "WIFN"
  }
  enum Variance: String, Decodable, CaseIterable { case exact, published }

  struct Options: Decodable {
    var metric: Metric
    var standardise: Bool
    var variance: Variance
  }

  static let about = About(
    id: "adapt-pruner.flap",
    summary: "How much what a unit hands on fluctuates, through the output projection.",
    paper: "An et al., FLAP (2023), arXiv:2312.11983",
    options: [
      .choice("metric", default: Metric.wifv, "input feature variance, weighted, or weighted norm"),
      .flag(
        "standardise", default: true, "make layers comparable: AL-AM and AL-MM do, UL-UM and UL-MM do not"),
      .choice(
        "variance", default: Variance.exact,
        "exact: over all tokens; published: the code's running update, which mixes up two means"),
    ],
    statistics: [.inputVariance, .inputFluctuation, .inputNorm])

  let options: Options

  var statistics: [Statistic] {
    switch (options.metric, options.variance) {
    case (.wifn, _): [.inputNorm]
    case (_, .exact): [.inputVariance]
    case (_, .published): [.inputFluctuation]
    }
  }

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    let projection = try units.outputProjection
    var columns = try metric(of: projection)
    if units.family == "attention" { columns = columns.map { $0 * $0 } }
    guard options.standardise else { return units.sumColumns(columns, of: projection) }
    let width = Double(projection.repeats * projection.positions)
    return units.sumColumns(standardised(columns), of: projection).map { $0 / width }
  }

  private func metric(of projection: Matrix) throws -> [Double] {
    let weight = projection.weight
    let input = try projection.statistic(statistics[0]).elements
    let factors: [Double] =
      switch options.metric {
      case .ifv: input.map { _ in 1 }
      case .wifv: projection.lineSums { Double(weight[$0, $1]) * Double(weight[$0, $1]) }
      case .wifn: projection.lineSums { Double(abs(weight[$0, $1])) / Double(weight.rows) }
      }
    return zip(input, factors).map { $0 * $1 }
  }

  private func standardised(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Double(max(1, values.count - 1))).squareRoot()
    return values.map { deviation > 0 ? ($0 - mean) / deviation : 0 }
  }
}

/// Wanda's metric for whole units, as the FLAP repository has it for a baseline (`prune_wanda_sp`):
///
///     I(unit) = Σ_j over its columns of  mean_i |W[i, j]| · ‖x[j]‖₂
struct WandaSP: Criterion {
  struct Options: Decodable {}

  static let about = About(
    id: "adapt-pruner.wanda-sp",
    summary: "Weights of the output projection times the norm of their inputs.",
    paper: "Sun et al., Wanda (2023), arXiv:2306.11695; structured as in FLAP, arXiv:2312.11983",
    options: [], statistics: [.inputNorm])

  init(options: Options) {}

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    let projection = try units.outputProjection
    let (weight, norm) = (projection.weight, try projection.statistic(.inputNorm))
    let columns = projection.lineSums {
      Double(abs(weight[$0, $1])) * Double(norm[0, $1]) / Double(weight.rows)
    }
    return units.sumColumns(columns, of: projection)
  }
}

/// The column norms of the output projection, as the FLAP repository has them for a baseline (`prune_magnitude_sp`):
///
///     I(unit) = Σ_j over its columns of  ‖W[:, j]‖₂
struct MagnitudeSP: Criterion {
  struct Options: Decodable {}

  static let about = About(
    id: "adapt-pruner.magnitude-sp", summary: "Column norms of the output projection.",
    paper: "An et al., FLAP (2023), arXiv:2312.11983", options: [])

  init(options: Options) {}

  func scores(of units: Units, model: Model, host: Host) throws -> [Double] {
    let projection = try units.outputProjection
    let weight = projection.weight
    let norms = projection.lineSums { Double(weight[$0, $1]) * Double(weight[$0, $1]) }
    return units.sumColumns(norms.map { $0.squareRoot() }, of: projection)
  }
}

extension Units {
  /// Values by column of the output projection, summed over each unit's: [count].
  fileprivate func sumColumns(_ values: [Double], of projection: Matrix) -> [Double] {
    sumPositions(fold(values, of: projection, .consistent))
  }
}
