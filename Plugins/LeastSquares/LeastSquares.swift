import PluginKit

/// The output projection of what stays, solved anew so that it answers what the whole one did, in least squares. With x
/// the projection's inputs, t what it is wished to answer (x Wᵀ, or what brings the residual stream back to where it
/// was), S the columns that stay:
///
///     G = mean xᵀx        C = mean tᵀx        ρ = ridge · mean(diag G)
///     W' = (C[:,S] + ρ · W[:,S]) · (G[S,S] + ρ · I)⁻¹
///
/// where the ridge pulls towards the columns as they were: what the tokens say nothing about stays. With `pull` "zero" it
/// is the textbook's, W' = C[:,S] · (G[S,S] + ρ · I)⁻¹. With a bias the same of centred x and t, and b' = mean t − W' · mean x[S].
struct LeastSquares: Compensator {
  enum Inputs: String, Decodable, CaseIterable { case uncut, cut }
  enum Pull: String, Decodable, CaseIterable { case weight, zero }

  struct Options: Decodable {
    var inputs: Inputs
    var ridge: Double
    var pull: Pull
    var bias: Bool
  }

  static let about = About(
    id: "adapt-pruner.least-squares",
    summary: "Solves the output projections anew, so that the units that stay answer what all did.",
    options: [
      .choice(
        "inputs", default: Inputs.cut,
        "cut: layer by layer, from the layers before as cut and solved anew; uncut: as in the model before the cut"
      ),
      .number(
        "ridge", default: 1, minimum: 0,
        "how strongly the ridge pulls, as a share of the inputs' mean square"),
      .choice(
        "pull", default: Pull.weight, "where the ridge pulls to: the columns as they were (weight), or zero"),
      .flag("bias", default: false, "whether the projections get a bias as well"),
    ],
    statistics: [.inputGram, .inputMean, .targetProduct, .targetMean])

  let options: Options
  var followsCut: Bool { options.inputs == .cut }
  var addsBias: Bool { options.bias }

  func compensate(_ projection: Projection, model: Model, host: Host) throws -> Projection.Change {
    let (rows, columns, kept) = (projection.weight.rows, projection.weight.columns, projection.kept)
    let mean = try projection.statistic(.inputMean).elements
    let targetMean = try projection.statistic(.targetMean).elements
    var product = try projection.statistic(.targetProduct).elements
    var gram = try projection.statistic(.inputGram).elements
    let diagonal = (0..<columns).reduce(0) { $0 + gram[$1 * columns + $1] } / Double(columns)

    // What is constant in the target is the bias' to answer.
    let constant = options.bias ? targetMean : projection.bias ?? [Double](repeating: 0, count: rows)
    for row in 0..<rows {
      for column in 0..<columns { product[row * columns + column] -= constant[row] * mean[column] }
    }
    if options.bias {
      for row in 0..<columns {
        for column in 0..<columns { gram[row * columns + column] -= mean[row] * mean[column] }
      }
    }
    let ridge = options.ridge * diagonal
    var normal = kept.flatMap { row in kept.map { gram[row * columns + $0] } }
    for index in kept.indices { normal[index * kept.count + index] += ridge }
    let pull = options.pull == .weight ? ridge : 0
    let right = (0..<rows).flatMap { row in
      kept.map { product[row * columns + $0] + pull * Double(projection.weight[row, $0]) }
    }
    let weight: [Double]
    do { weight = try host.solve(right, rows: rows, by: normal, n: kept.count) } catch {
      throw PluginError(
        "\(projection.name) of layer \(projection.layer): the calibration tokens do not settle the weights of \(kept.count) "
          + "columns with ridge \(options.ridge); raise ridge, or calibrate on more tokens")
    }

    guard options.bias else { return Projection.Change(weight: weight) }
    return Projection.Change(
      weight: weight,
      bias: (0..<rows).map { row in
        kept.indices.reduce(targetMean[row]) { $0 - weight[row * kept.count + $1] * mean[kept[$1]] }
      })
  }
}

private let library = Library([.compensator(LeastSquares.self)])

@c(adapt_pruner_plugin) public func entry() -> Library.Pointer { library.pointer }
