import Foundation
import Tensors
import Testing

/// Against what defines an inverse, a solution and a decomposition.
@Suite struct SymmetricMatrixTests {
  /// [rows, inner] · [inner, columns]
  private func product(_ a: [Double], _ b: [Double], rows: Int, inner: Int, columns: Int) -> [Double] {
    var result = [Double](repeating: 0, count: rows * columns)
    for r in 0..<rows {
      for k in 0..<inner {
        for c in 0..<columns { result[r * columns + c] += a[r * inner + k] * b[k * columns + c] }
      }
    }
    return result
  }

  private func transposed(_ a: [Double], rows: Int, columns: Int) -> [Double] {
    (0..<columns).flatMap { c in (0..<rows).map { a[$0 * columns + c] } }
  }

  private func numbers(_ count: Int, seed: Double) -> [Double] {
    (0..<count).map { sin(Double($0 + 1) * 12.9898 * seed) }
  }

  /// Mᵀ M + I: positive definite.
  private func positive(_ n: Int) throws -> SymmetricMatrix {
    let m = numbers(n * n, seed: 1)
    var a = product(transposed(m, rows: n, columns: n), m, rows: n, inner: n, columns: n)
    for index in 0..<n { a[index * n + index] += 1 }
    return try SymmetricMatrix(a, n: n)
  }

  private func expectClose(_ found: [Double], _ expected: [Double], within tolerance: Double = 1e-10) {
    #expect(found.count == expected.count)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance })
  }

  @Test(arguments: [1, 2, 7, 40]) func theInverseTimesTheMatrixIsOne(_ n: Int) throws {
    let a = try positive(n)
    let inverse = try a.inverted()
    let one = (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0 }
    expectClose(product(inverse.elements, a.elements, rows: n, inner: n, columns: n), one)
    expectClose(inverse.elements, transposed(inverse.elements, rows: n, columns: n), within: 0)
  }

  @Test(arguments: [(1, 1), (5, 3), (12, 20)]) func theSolutionTimesTheMatrixIsTheRightSide(
    _ n: Int, _ rows: Int
  ) throws {
    let a = try positive(n)
    let right = numbers(rows * n, seed: 2)
    let solution = try a.solving(right, rows: rows)
    expectClose(product(solution, a.elements, rows: rows, inner: n, columns: n), right)
  }

  @Test(arguments: [1, 2, 9, 33]) func eigenvectorsDiagonalise(_ n: Int) throws {
    let a = try positive(n)
    let (values, vectors) = try a.eigen()
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 >= $1 })
    let columns = transposed(vectors, rows: n, columns: n)
    expectClose(
      product(vectors, columns, rows: n, inner: n, columns: n),
      (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0 })
    let turned = product(
      product(vectors, a.elements, rows: n, inner: n, columns: n), columns, rows: n, inner: n, columns: n)
    expectClose(turned, (0..<n * n).map { $0 / n == $0 % n ? values[$0 / n] : 0 }, within: 1e-9)
  }

  /// [2 1; 1 2] has the eigenvalues 3 and 1; [1 2; 2 1] is not positive definite.
  @Test func byHand() throws {
    expectClose(try SymmetricMatrix([2, 1, 1, 2], n: 2).eigen().values, [3, 1])
    expectClose(try SymmetricMatrix([2, 1, 1, 2], n: 2).inverted().elements, [2, -1, -1, 2].map { $0 / 3 })
    let error = #expect(throws: LinearAlgebraError.self) {
      try SymmetricMatrix([1, 2, 2, 1], n: 2).inverted()
    }
    #expect(error == .notPositive(order: 2, pivot: 1))
    #expect(throws: LinearAlgebraError.self) { try SymmetricMatrix([1, 2, 2], n: 2) }
    #expect(throws: LinearAlgebraError.self) {
      try SymmetricMatrix([2, 1, 1, 2], n: 2).solving([1, 2, 3], rows: 1)
    }
  }
}
