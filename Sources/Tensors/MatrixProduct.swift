import COpenBLAS

/// A borrowed row-major matrix: element (i, j) is `base[i * stride + j]`.
public struct Rows {
  public var base: UnsafeMutablePointer<Float>
  public var stride: Int

  public init(_ base: UnsafeMutablePointer<Float>, stride: Int) {
    self.base = base
    self.stride = stride
  }

  /// The matrix without its first rows and columns.
  public func from(row: Int, column: Int = 0) -> Rows { Rows(base + row * stride + column, stride: stride) }
}

/// How a factor enters a product.
public enum Orientation {
  case plain, transposed
  var flag: CBLAS_TRANSPOSE { self == .plain ? CblasNoTrans : CblasTrans }
}

/// C = alpha · op(A) · op(B) + beta · C on the calling thread; op(A) is [m, k], op(B) [k, n], C [m, n].
public func multiply(
  _ a: Rows, _ aOrientation: Orientation = .plain, _ b: Rows, _ bOrientation: Orientation = .plain,
  into c: Rows, m: Int, n: Int, k: Int, alpha: Float = 1, beta: Float = 0
) {
  guard m > 0, n > 0 else { return }
  cblas_sgemm(
    CblasRowMajor, aOrientation.flag, bOrientation.flag, Int32(m), Int32(n), Int32(k), alpha, a.base,
    Int32(a.stride), b.base, Int32(b.stride), beta, c.base, Int32(c.stride))
}

extension Workers {
  /// The same product on all threads, cut into tiles along the longer side of C. The cut depends only on the sizes and the
  /// number of threads.
  public func multiply(
    _ a: Rows, _ aOrientation: Orientation = .plain, _ b: Rows, _ bOrientation: Orientation = .plain,
    into c: Rows, m: Int, n: Int, k: Int, alpha: Float = 1, beta: Float = 0
  ) {
    guard m > 0, n > 0 else { return }
    // Each call packs the factor that the tiles share anew, so there is one tile a thread. Small products get one tile.
    let tiles = m * n * k >= 1 << 18 ? count : 1
    let grain = roundedUp((max(m, n) + tiles - 1) / tiles)
    if m >= n {
      ranges(m, grain: grain) { rows, _ in
        let aTile =
          aOrientation == .plain ? a.from(row: rows.lowerBound) : a.from(row: 0, column: rows.lowerBound)
        Tensors.multiply(
          aTile, aOrientation, b, bOrientation, into: c.from(row: rows.lowerBound), m: rows.count, n: n,
          k: k, alpha: alpha, beta: beta)
      }
    } else {
      ranges(n, grain: grain) { columns, _ in
        let bTile =
          bOrientation == .plain
          ? b.from(row: 0, column: columns.lowerBound) : b.from(row: columns.lowerBound)
        Tensors.multiply(
          a, aOrientation, bTile, bOrientation, into: c.from(row: 0, column: columns.lowerBound), m: m,
          n: columns.count, k: k, alpha: alpha, beta: beta)
      }
    }
  }

  /// G += alpha · XᵀX with X [count, n], in stripes of rows up to their last column. This fills the lower triangle with half
  /// the work of a product. `mirror` fills the upper one at the end.
  public func addGram(of x: Rows, count: Int, n: Int, alpha: Float = 1, to gram: Rows) {
    ranges(n, grain: roundedUp(max(96, n / 8))) { stripe, _ in
      Tensors.multiply(
        x.from(row: 0, column: stripe.lowerBound), .transposed, x, .plain,
        into: gram.from(row: stripe.lowerBound), m: stripe.count, n: stripe.upperBound, k: count,
        alpha: alpha, beta: 1)
    }
  }

  /// Multiplies the lower triangle of a matrix [n, n] by `scale`, and copies it into the upper one.
  public func mirror(_ matrix: Rows, n: Int, scale: Float = 1) {
    ranges(n, grain: 64) { range, _ in
      for row in range {
        for column in 0...row { matrix.base[row * matrix.stride + column] *= scale }
      }
    }
    ranges(n, grain: 64) { range, _ in
      for row in range {
        for column in (row + 1)..<max(n, row + 1) {
          matrix.base[row * matrix.stride + column] = matrix.base[column * matrix.stride + row]
        }
      }
    }
  }

  /// Tiles end where OpenBLAS's register blocks do.
  private func roundedUp(_ length: Int) -> Int { (length + 15) / 16 * 16 }
}
