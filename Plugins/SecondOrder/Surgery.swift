import PluginKit

/// An output projection under the knife: its weights as they make up for the columns that have left, and the inverse
/// curvature of its inputs. What belongs to a column that has left is zero.
struct Surgery {
  /// The units that are left, ascending.
  private(set) var units: [Int]
  /// Columns a unit, side by side.
  let width: Int

  private let rows: Int
  private let columns: Int
  /// W and F·W, [rows, columns].
  private var weight: [Float]
  private var curved: [Float]
  /// (G + ρI)⁻¹ of the columns that are left, [columns, columns].
  private var inverse: [Float]
  private let host: Host

  /// - Parameters:
  ///   - view: W.
  ///   - inputs: G, [columns, columns].
  ///   - gradients: F, [rows, rows].
  ///   - ridge: ρ, as a share of G's mean diagonal.
  init(
    weight view: MatrixView, inputs: MatrixView, gradients: MatrixView, ridge: Double, units count: Int,
    _ host: Host
  ) throws {
    let (rows, columns) = (view.rows, view.columns)
    (self.rows, self.columns) = (rows, columns)
    width = columns / max(1, count)
    units = Array(0..<count)
    self.host = host
    weight = view.elements.map(Float.init)
    curved = try host.product(gradients.elements.map(Float.init), weight, m: rows, n: columns, k: rows)
    var gram = inputs.elements
    let mean = (0..<columns).reduce(0) { $0 + gram[$1 * columns + $1] } / Double(columns)
    // Inputs that are always 0 leave nothing to invert but what stands here.
    let ridge = max(ridge * mean, 1e-12)
    for column in 0..<columns { gram[column * columns + column] += ridge }
    inverse = try host.invert(gram, n: columns).map(Float.init)
  }

  /// What the leaving of each unit that is left costs now: [units.count].
  func costs() throws -> [Double] { width == 1 ? columnCosts() : try units.map(groupCost) }

  private func columnCosts() -> [Double] {
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let place = row * columns + column
        sums[column] += Double(weight[place]) * Double(curved[place])
      }
    }
    return units.map { sums[$0] / Double(inverse[$0 * columns + $0]) }
  }

  private func groupCost(_ unit: Int) throws -> Double {
    let own = Array(unit * width..<(unit + 1) * width)
    let product = try host.product(
      transposed(cut(weight, to: own), columns: width), cut(curved, to: own), m: width, n: width, k: rows)
    // tr(M B⁻¹), with M = WᵀFW of the unit's columns and B its block of the inverse.
    let solved = try host.solve(
      product.map(Double.init), rows: width, by: block(own).map(Double.init), n: width)
    return (0..<width).reduce(0) { $0 + solved[$1 * width + $1] }
  }

  /// The units that leave next, in order, and what the leaving of each costs once those before it are gone.
  ///
  /// Several columns are found at once among twice as many that are cheapest now, C: as they leave, only what these cost is
  /// kept up to date, by M = (WᵀFW)[C,C] and H[C,C]. When j leaves, with h = H[:,j] / H[j,j],
  ///
  ///     M ← (I − h eⱼᵀ) M (I − eⱼ hᵀ)        H ← H − H[:,j] hᵀ
  ///
  /// so that of two columns which stand in for one another the second is dear as soon as the first is gone.
  func cheapest(_ count: Int) throws -> [(unit: Int, cost: Double)] {
    let costs = try costs()
    let order = costs.indices.sorted { (costs[$0], $0) < (costs[$1], $1) }
    guard count > 1, width == 1 else { return order.prefix(count).map { (units[$0], costs[$0]) } }
    let candidates = order.prefix(min(order.count, 2 * count)).map { units[$0] }.sorted()
    let n = candidates.count
    var m = try host.product(
      transposed(cut(weight, to: candidates), columns: n), cut(curved, to: candidates), m: n, n: n, k: rows
    ).map(Double.init)
    var h = block(candidates).map(Double.init)
    var left = Array(candidates.indices)
    var leaving: [(unit: Int, cost: Double)] = []
    while leaving.count < count {
      func cost(_ place: Int) -> Double { m[place * n + place] / h[place * n + place] }
      guard let j = left.min(by: { (cost($0), $0) < (cost($1), $1) }) else { break }
      leaving.append((candidates[j], cost(j)))
      left.removeAll { $0 == j }
      let share = left.map { h[$0 * n + j] / h[j * n + j] }
      let (row, own) = (left.map { m[j * n + $0] }, m[j * n + j])
      let across = left.map { h[$0 * n + j] }
      for (a, p) in left.enumerated() {
        for (b, q) in left.enumerated() {
          m[p * n + q] += share[a] * share[b] * own - share[a] * row[b] - share[b] * row[a]
          h[p * n + q] -= across[a] * share[b]
        }
      }
    }
    return leaving
  }

  /// Takes units out and lets the others make up for them: with S their columns and H the inverse curvature,
  ///
  ///     W ← W − W[:,S] (H[S,S])⁻¹ H[S,:]        H ← H − H[:,S] (H[S,S])⁻¹ H[S,:]
  ///
  /// which leaves zeros in the columns S of either.
  mutating func remove(_ leaving: [Int]) throws {
    let gone = leaving.flatMap { $0 * width..<($0 + 1) * width }
    // H is symmetric: this is H[:,S], [columns, gone].
    let across = cut(inverse, to: gone)
    let solved = try host.solve(
      across.map(Double.init), rows: columns, by: block(gone).map(Double.init), n: gone.count)
    let update = transposed(solved.map(Float.init), columns: gone.count)
    func cutBack(_ matrix: inout [Float], _ lost: [Float], rows: Int) throws {
      try host.addProduct(lost, update, scale: -1, to: &matrix, m: rows, n: columns, k: gone.count)
    }
    try cutBack(&weight, cut(weight, to: gone), rows: rows)
    try cutBack(&curved, cut(curved, to: gone), rows: rows)
    try cutBack(&inverse, across, rows: columns)
    let left = Set(units).subtracting(leaving)
    units.removeAll { !left.contains($0) }
  }

  /// Some columns of a matrix [any, columns].
  private func cut(_ matrix: [Float], to chosen: [Int]) -> [Float] {
    var part: [Float] = []
    part.reserveCapacity(matrix.count / columns * chosen.count)
    for start in stride(from: 0, to: matrix.count, by: columns) {
      for column in chosen { part.append(matrix[start + column]) }
    }
    return part
  }

  /// [chosen, chosen] of the inverse.
  private func block(_ chosen: [Int]) -> [Float] {
    chosen.flatMap { row in chosen.map { inverse[row * columns + $0] } }
  }

  private func transposed(_ matrix: [Float], columns: Int) -> [Float] {
    let rows = matrix.count / columns
    return (0..<columns).flatMap { column in (0..<rows).map { matrix[$0 * columns + column] } }
  }
}
