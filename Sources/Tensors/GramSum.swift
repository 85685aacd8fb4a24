import COpenBLAS

/// Σ xᵀx over rows x of float32, in double precision. Where some columns are thousands of times larger than others, float32
/// sums would lose the small eigenvalues.
public final class GramSum {
  private let n: Int
  /// Rows so far.
  public private(set) var rows = 0
  /// [n, n], of which the lower triangle is filled.
  private let sums: UnsafeMutableBufferPointer<Double>
  /// Rows in double precision, [chunk, n].
  private let wide: UnsafeMutableBufferPointer<Double>
  private static let chunk = 512
  /// Rows of the sums that a thread takes at a time: few, so that the triangle is shared evenly.
  private static let stripe = 64

  /// - Parameter n: columns.
  public init(_ n: Int) {
    self.n = max(1, n)
    sums = .allocate(capacity: self.n * self.n)
    wide = .allocate(capacity: Self.chunk * self.n)
    sums.initialize(repeating: 0)
    wide.initialize(repeating: 0)
  }

  deinit {
    sums.deallocate()
    wide.deallocate()
  }

  public func reset() {
    sums.update(repeating: 0)
    rows = 0
  }

  /// - Parameter x: [count, n]
  public func add(_ x: Rows, count: Int, _ workers: Workers) {
    guard let sums = sums.baseAddress, let wide = wide.baseAddress else { return }
    let n = n
    for start in stride(from: 0, to: count, by: Self.chunk) {
      let part = min(Self.chunk, count - start)
      workers.ranges(part, grain: 32) { range, _ in
        for row in range {
          let source = x.from(row: start + row).base
          let target = wide + row * n
          for column in 0..<n { target[column] = Double(source[column]) }
        }
      }
      workers.ranges(n, grain: Self.stripe) { range, _ in
        cblas_dgemm(
          CblasRowMajor, CblasTrans, CblasNoTrans, Int32(range.count), Int32(range.upperBound), Int32(part),
          1, wide + range.lowerBound, Int32(n), wide, Int32(n), 1, sums + range.lowerBound * n, Int32(n))
      }
    }
    rows += count
  }

  /// The mean of xᵀx over all rows, [n, n], both triangles.
  public var mean: [Double] {
    let scale = 1 / Double(max(1, rows))
    var result = sums.map { $0 * scale }
    for row in 0..<n {
      for column in 0..<row { result[column * n + row] = result[row * n + column] }
    }
    return result
  }
}
