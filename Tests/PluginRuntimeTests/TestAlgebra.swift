import PluginRuntime

/// Gaussian elimination, which is enough for small matrices.
struct TestAlgebra: LinearAlgebra {
  struct Singular: Error, CustomStringConvertible { let description = "the matrix is not positive definite" }

  func solve(
    _ a: UnsafeBufferPointer<Double>, n: Int, _ b: UnsafeMutableBufferPointer<Double>, rows: Int
  ) throws {
    var inverse = Array(a)
    try inverse.withUnsafeMutableBufferPointer { try invert($0, n: n) }
    for row in 0..<rows {
      let right = (0..<n).map { b[row * n + $0] }
      for column in 0..<n {
        b[row * n + column] = (0..<n).reduce(0) { $0 + right[$1] * inverse[$1 * n + column] }
      }
    }
  }

  func invert(_ a: UnsafeMutableBufferPointer<Double>, n: Int) throws {
    var rest = Array(a)
    var result = (0..<n * n).map { $0 / n == $0 % n ? 1.0 : 0 }
    for pivot in 0..<n {
      let value = rest[pivot * n + pivot]
      guard value > 0 else { throw Singular() }
      for column in 0..<n {
        rest[pivot * n + column] /= value
        result[pivot * n + column] /= value
      }
      for row in 0..<n where row != pivot {
        let factor = rest[row * n + pivot]
        for column in 0..<n {
          rest[row * n + column] -= factor * rest[pivot * n + column]
          result[row * n + column] -= factor * result[pivot * n + column]
        }
      }
    }
    _ = a.update(from: result)
  }

  func eigen(
    _ a: UnsafeMutableBufferPointer<Double>, n: Int, _ values: UnsafeMutableBufferPointer<Double>
  ) throws { throw Singular() }
}

extension HostServices {
  /// Products by three loops.
  static func slowProduct(_ product: MatrixProduct) {
    for row in 0..<product.m {
      for column in 0..<product.n {
        var sum: Float = 0
        for index in 0..<product.k {
          let a =
            product.transposeA ? product.a[index * product.lda + row] : product.a[row * product.lda + index]
          let b =
            product.transposeB
            ? product.b[column * product.ldb + index] : product.b[index * product.ldb + column]
          sum += a * b
        }
        let place = row * product.ldc + column
        product.c[place] = product.alpha * sum + (product.beta == 0 ? 0 : product.beta * product.c[place])
      }
    }
  }
}
