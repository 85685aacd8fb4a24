import COpenBLAS

/// A symmetric matrix in double precision, row-major [n, n], with LAPACK's solutions. Both triangles are stored.
public struct SymmetricMatrix: Sendable {
  public let n: Int
  /// [n, n]
  public private(set) var elements: [Double]

  /// - Parameter elements: [n, n]; the lower triangle counts for both.
  /// - Throws: `LinearAlgebraError.shape`.
  public init(_ elements: [Double], n: Int) throws(LinearAlgebraError) {
    guard n >= 1, n <= Int(Int32.max), n.multipliedReportingOverflow(by: n) == (elements.count, false) else {
      throw .shape(what: "the matrix", count: elements.count, rows: n, columns: n)
    }
    self.n = n
    self.elements = elements
    for row in 0..<n {
      for column in 0..<row { self.elements[column * n + row] = elements[row * n + column] }
    }
  }

  /// B A⁻¹ for the right side B [rows, n], row-major: the X of X A = B.
  /// - Throws: `.notPositive` if A is not positive definite, `.shape`.
  public func solving(_ right: [Double], rows: Int) throws(LinearAlgebraError) -> [Double] {
    guard rows >= 0, rows <= Int(Int32.max), right.count == rows * n else {
      throw .shape(what: "the right side", count: right.count, rows: rows, columns: n)
    }
    guard rows > 0 else { return [] }
    // LAPACK counts columns first: what is B there is our Bᵀ, and A = Aᵀ.
    var factor = try choleskyFactor()
    var solution = right
    var (order, columns, info) = (Int32(n), Int32(rows), Int32(0))
    dpotrs_("L", &order, &columns, &factor, &order, &solution, &order, &info, 1)
    guard info == 0 else { throw .lapack(routine: "dpotrs", info: Int(info)) }
    return solution
  }

  /// A⁻¹.
  /// - Throws: `.notPositive`.
  public func inverted() throws(LinearAlgebraError) -> SymmetricMatrix {
    var inverse = try choleskyFactor()
    var (order, info) = (Int32(n), Int32(0))
    dpotri_("L", &order, &inverse, &order, &info, 1)
    guard info == 0 else { throw .lapack(routine: "dpotri", info: Int(info)) }
    // LAPACK's lower triangle is our upper one.
    for row in 0..<n {
      for column in 0..<row { inverse[row * n + column] = inverse[column * n + row] }
    }
    return try SymmetricMatrix(inverse, n: n)
  }

  /// The eigenvalues, largest first, and their eigenvectors as the rows of [n, n].
  public func eigen() throws(LinearAlgebraError) -> (values: [Double], vectors: [Double]) {
    var vectors = elements
    var values = [Double](repeating: 0, count: n)
    var (order, info) = (Int32(n), Int32(0))
    var (workCount, integerCount) = (Int32(-1), Int32(-1))
    var (work, integers) = ([0.0], [Int32(0)])
    // Called with −1, LAPACK answers how much room it needs.
    for _ in 0..<2 {
      dsyevd_(
        "V", "L", &order, &vectors, &order, &values, &work, &workCount, &integers, &integerCount, &info, 1, 1)
      guard info == 0 else { throw .lapack(routine: "dsyevd", info: Int(info)) }
      guard workCount == -1 else { break }
      (workCount, integerCount) = (Int32(work[0]), integers[0])
      work = [Double](repeating: 0, count: Int(workCount))
      integers = [Int32](repeating: 0, count: Int(integerCount))
    }
    // A column of LAPACK's is a row of ours; it has the smallest value first.
    let reversed = (0..<n).reversed()
    return (reversed.map { values[$0] }, reversed.flatMap { vectors[($0 * n)..<(($0 + 1) * n)] })
  }

  /// A = L Lᵀ, in LAPACK's lower triangle.
  private func choleskyFactor() throws(LinearAlgebraError) -> [Double] {
    var factor = elements
    var (order, info) = (Int32(n), Int32(0))
    dpotrf_("L", &order, &factor, &order, &info, 1)
    if info > 0 { throw .notPositive(order: n, pivot: Int(info) - 1) }
    guard info == 0 else { throw .lapack(routine: "dpotrf", info: Int(info)) }
    return factor
  }
}

/// Why a matrix could not be solved.
public enum LinearAlgebraError: Error, Equatable, CustomStringConvertible {
  case notPositive(order: Int, pivot: Int)
  case shape(what: String, count: Int, rows: Int, columns: Int)
  case lapack(routine: String, info: Int)

  public var description: String {
    switch self {
    case .notPositive(let order, let pivot):
      "the \(order) × \(order) matrix is not positive definite (at pivot \(pivot)); add something to its diagonal"
    case .shape(let what, let count, let rows, let columns):
      "\(what) has \(count) elements, expected \(rows) × \(columns)"
    case .lapack(let routine, let info):
      "LAPACK's \(routine) failed with \(info); are all elements finite?"
    }
  }
}
