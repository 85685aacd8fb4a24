import PluginKit

/// An output projection under the knife: the columns that are left, their weights as they make up for those that have
/// left, and the inverse curvature of their inputs.
struct Surgery {
  /// The units that are left, by their numbers in the layer.
  private(set) var units: [Int]
  /// Columns a unit, side by side.
  let width: Int

  private let rows: Int
  /// [rows, columns], and F times it.
  private var weight: [Float]
  private var curved: [Float]
  /// (G + λI)⁻¹ of the columns that are left, [columns, columns].
  private var inverse: [Float]
  private let host: Host
  private var columns: Int { units.count * width }

  init(
    weight view: MatrixView, inputs: MatrixView, gradients: MatrixView, ridge: Double, units count: Int,
    _ host: Host
  ) throws {
    let columns = view.columns
    rows = view.rows
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

  /// What each unit's leaving costs now: [units.count].
  func costs() throws -> [Double] { width == 1 ? columnCosts() : try (0..<units.count).map(groupCost) }

  private func columnCosts() -> [Double] {
    var sums = [Double](repeating: 0, count: columns)
    for row in 0..<rows {
      for column in 0..<columns {
        let place = row * columns + column
        sums[column] += Double(weight[place]) * Double(curved[place])
      }
    }
    return sums.indices.map { sums[$0] / Double(inverse[$0 * columns + $0]) }
  }

  private func groupCost(_ unit: Int) throws -> Double {
    let own = unit * width..<(unit + 1) * width
    let product = try host.product(
      transposed(cut(weight, to: own)), cut(curved, to: own), m: width, n: width, k: rows)
    let block = own.flatMap { row in own.map { Double(inverse[row * columns + $0]) } }
    // tr(M B⁻¹), with M = WᵀFW of the unit's columns and B its block of the inverse.
    let solved = try host.solve(product.map(Double.init), rows: width, by: block, n: width)
    return (0..<width).reduce(0) { $0 + solved[$1 * width + $1] }
  }

  /// Takes units out and lets the others make up for them: with S their columns and H the inverse curvature,
  ///
  ///     W ← W − W[:,S] (H[S,S])⁻¹ H[S,:]        H ← H − H[:,S] (H[S,S])⁻¹ H[S,:]
  ///
  /// - Parameter places: in `units`, ascending.
  mutating func remove(_ places: [Int]) throws {
    let leaving = places.flatMap { $0 * width..<($0 + 1) * width }
    let gone = Set(leaving)
    let staying = (0..<columns).filter { !gone.contains($0) }
    let block = leaving.flatMap { row in leaving.map { Double(inverse[row * columns + $0]) } }
    // H is symmetric, so this is H[:,S] (H[S,S])⁻¹ of those that stay, [staying, leaving].
    let across = staying.flatMap { row in leaving.map { Double(inverse[row * columns + $0]) } }
    let solved = try host.solve(across, rows: staying.count, by: block, n: leaving.count).map(Float.init)
    let update = transposed(solved, rows: staying.count)
    weight = try updated(weight, rows, leaving, staying, update)
    curved = try updated(curved, rows, leaving, staying, update)
    let crossRows = staying.flatMap { inverse[$0 * columns..<($0 + 1) * columns] }
    inverse = try updated(crossRows, staying.count, leaving, staying, update)
    let removed = Set(places)
    units = units.indices.filter { !removed.contains($0) }.map { units[$0] }
  }

  /// matrix[:, staying] − matrix[:, leaving] · update, with `update` [leaving, staying].
  private func updated(
    _ matrix: [Float], _ rows: Int, _ leaving: [Int], _ staying: [Int], _ update: [Float]
  ) throws -> [Float] {
    let gone = (0..<rows).flatMap { row in leaving.map { matrix[row * columns + $0] } }
    var change = try host.product(gone, update, m: rows, n: staying.count, k: leaving.count)
    for row in 0..<rows {
      for (place, column) in staying.enumerated() {
        let index = row * staying.count + place
        change[index] = matrix[row * columns + column] - change[index]
      }
    }
    return change
  }

  private func cut(_ matrix: [Float], to range: Range<Int>) -> [Float] {
    (0..<rows).flatMap { matrix[$0 * columns + range.lowerBound..<$0 * columns + range.upperBound] }
  }

  /// Of a matrix [rows, n].
  private func transposed(_ matrix: [Float], rows count: Int? = nil) -> [Float] {
    let rows = count ?? rows
    let n = matrix.count / max(1, rows)
    return (0..<n).flatMap { column in (0..<rows).map { matrix[$0 * n + column] } }
  }
}
