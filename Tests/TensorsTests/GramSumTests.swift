import Foundation
import Tensors
import Testing

@Suite struct GramSumTests {
  /// More columns than a stripe and more rows than a chunk, of a wider matrix, in two calls.
  @Test(arguments: [1, 2, 3]) func itIsTheSumOverRowsOfEachPairOfColumns(_ threads: Int) {
    let (n, stride, rows) = (131, 140, 700)
    let x = Buffer(
      (0..<rows * stride).map { Float(sin(Double($0) * 12.9898)) * ($0 % stride == 3 ? 1000 : 1) })
    let workers = Workers(count: threads)
    let sum = GramSum(n)
    sum.add(Rows(x.base, stride: stride), count: 9, workers)
    sum.reset()
    sum.add(Rows(x.base, stride: stride), count: 600, workers)
    sum.add(Rows(x.at(600 * stride), stride: stride), count: 100, workers)
    #expect(sum.rows == rows)
    let mean = sum.mean
    for (i, j) in [(0, 0), (3, 3), (3, 130), (130, 3), (64, 63), (63, 64), (128, 7), (130, 130)] {
      let products = (0..<rows).map { Double(x.base[$0 * stride + i]) * Double(x.base[$0 * stride + j]) }
      let expected = products.reduce(0, +) / Double(rows)
      let size = products.reduce(0) { $0 + abs($1) } / Double(rows)
      #expect(abs(mean[i * n + j] - expected) <= 1e-13 * size, "\(i), \(j)")
    }
  }
}
