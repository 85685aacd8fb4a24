import Foundation
import Kernels
import Testing

/// Each kernel against its formula, written slowly in double.
@Suite struct KernelTests {
  /// Numbers that look random and are the same each time.
  private func numbers(_ count: Int, seed: Int = 1, scale: Double = 1) -> [Float] {
    (0..<count).map { Float(scale * sin(Double($0 * 7919 + seed * 104_729) * 0.618)) }
  }

  private func expectClose(
    _ found: [Float], _ expected: [Double], within tolerance: Double = 2e-6,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let largest = expected.map(abs).max() ?? 0
    let error = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? 0
    #expect(found.count == expected.count, sourceLocation: sourceLocation)
    #expect(
      error <= tolerance * max(largest, 1e-30), "error \(error) of \(largest)", sourceLocation: sourceLocation
    )
  }

  @Test(arguments: [1, 7, 64, 100])
  func rmsNormAndItsGradient(_ columns: Int) {
    let (rows, epsilon) = (3, 1e-5)
    let (x, w, dy) = (numbers(rows * columns), numbers(columns, seed: 2), numbers(rows * columns, seed: 3))
    var y = [Float](repeating: 0, count: rows * columns)
    var inverse = [Float](repeating: 0, count: rows)
    ap_rms_norm(x, w, Float(epsilon), 3, Int64(columns), Int64(columns), Int64(columns), &y, &inverse)
    func norm(_ x: [Double], _ w: [Double]) -> [Double] {
      (0..<rows).flatMap { r -> [Double] in
        let row = Array(x[r * columns..<(r + 1) * columns])
        let scale = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(columns) + epsilon).squareRoot()
        return zip(row, w).map { $0 * scale * $1 }
      }
    }
    expectClose(y, norm(x.map(Double.init), w.map(Double.init)))

    // The gradient of Σ dy · y by central differences in double.
    func slope(_ index: Int, ofWeight: Bool) -> Double {
      func value(_ step: Double) -> Double {
        var (x, w) = (x.map(Double.init), w.map(Double.init))
        if ofWeight { w[index] += step } else { x[index] += step }
        return zip(norm(x, w), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
      return (value(1e-5) - value(-1e-5)) / 2e-5
    }
    var dx = [Float](repeating: 1, count: rows * columns)  // added to
    var dw = [Float](repeating: 0, count: columns)
    let c = Int64(columns)
    ap_rms_norm_backward(x, w, inverse, dy, 3, c, c, c, c, &dx, &dw)
    expectClose(dx, x.indices.map { 1 + slope($0, ofWeight: false) }, within: 1e-5)
    expectClose(dw, w.indices.map { slope($0, ofWeight: true) }, within: 1e-5)
  }

  @Test(arguments: [0.1, 4.0, 60.0])
  func swigluAndItsGradient(_ scale: Double) {
    let (rows, columns) = (2, 37)
    let gateUp = numbers(rows * 2 * columns, scale: scale)
    let dout = numbers(rows * columns, seed: 5)
    var out = [Float](repeating: 0, count: rows * columns)
    ap_swiglu(gateUp, Int64(rows), Int64(columns), &out)
    var (expected, dExpected) = ([Double](), [Double](repeating: 0, count: gateUp.count))
    for r in 0..<rows {
      for c in 0..<columns {
        let (g, u) = (Double(gateUp[r * 2 * columns + c]), Double(gateUp[r * 2 * columns + columns + c]))
        let s = 1 / (1 + exp(-g))
        let d = Double(dout[r * columns + c])
        expected.append(g * s * u)
        dExpected[r * 2 * columns + c] = d * u * (s + g * s * (1 - s))
        dExpected[r * 2 * columns + columns + c] = d * g * s
      }
    }
    expectClose(out, expected)
    var inPlace = gateUp
    inPlace.withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      ap_swiglu_backward(base, dout, Int64(rows), Int64(columns), base)
    }
    expectClose(inPlace, dExpected)
  }

  /// Evenly spread uniform numbers draw each column as often as its share says, give or take the one at its edge.
  @Test func drawsColumnsByTheirShares() {
    let logits: [Float] = [0, -50, 1.5, -.infinity, 3, 1, 2.9, -1]
    let draws = 20_000
    var counts = [Int](repeating: 0, count: logits.count)
    for draw in 0..<draws {
      var row = logits
      counts[Int(ap_draw(&row, Int64(row.count), (Double(draw) + 0.5) / Double(draws)))] += 1
    }
    let total = logits.reduce(0) { $0 + exp(Double($1)) }
    for (count, logit) in zip(counts, logits) {
      #expect(abs(Double(count) - exp(Double(logit)) / total * Double(draws)) <= 1)
    }
    var row = logits
    #expect(ap_draw(&row, 8, 1 - 0x1p-53) == 7)
  }

  @Test(arguments: [(0, 0), (5, 0), (0, 3), (5, 3)])
  func causalSoftmaxSeesWhatItMay(_ position: Int, _ window: Int) {
    let (rows, scale) = (4, 0.3)
    let columns = position + rows
    let x = numbers(rows * columns, scale: 30)
    var p = x
    ap_causal_softmax(
      &p, Int64(rows), Int64(columns), Int64(columns), Int64(position), Int64(window), Float(scale))
    var expected: [Double] = []
    for r in 0..<rows {
      let seen = (0..<columns).filter { $0 <= position + r && (window == 0 || $0 > position + r - window) }
      let total = seen.reduce(0) { $0 + exp(scale * Double(x[r * columns + $1])) }
      expected += (0..<columns).map {
        seen.contains($0) ? exp(scale * Double(x[r * columns + $0])) / total : 0
      }
    }
    expectClose(p, expected, within: 3e-6)

    let dp = numbers(rows * columns, seed: 9)
    var ds = dp
    ap_softmax_backward(p, &ds, Int64(rows), Int64(columns), Int64(columns), Float(scale))
    var dExpected: [Double] = []
    for r in 0..<rows {
      let row = r * columns..<(r + 1) * columns
      let along = row.reduce(0) { $0 + expected[$1] * Double(dp[$1]) }
      dExpected += row.map { scale * expected[$0] * (Double(dp[$0]) - along) }
    }
    // What is left of dp − along where the softmax is nearly 0 or 1 is rounding of the numbers it is left of.
    let rounding = zip(ds, dExpected).map { abs(Double($0) - $1) }.max() ?? 0
    #expect(rounding < 1e-6 * scale)
  }

  @Test func ropeTurnsPairsAndBack() {
    let (rows, heads, d) = (3, 2, 8)
    let x = numbers(rows * heads * d)
    let angles = numbers(rows * d / 2, seed: 4, scale: 3)
    let (cosines, sines) = (angles.map { Float(cos(Double($0))) }, angles.map { Float(sin(Double($0))) })
    var turned = x
    ap_rope(&turned, Int64(rows), Int64(heads * d), Int64(heads), Int64(d), cosines, sines, 1)
    var expected = x.map(Double.init)
    for r in 0..<rows {
      for h in 0..<heads {
        for i in 0..<d / 2 {
          let (low, high) = (r * heads * d + h * d + i, r * heads * d + h * d + i + d / 2)
          let (a, b, angle) = (Double(x[low]), Double(x[high]), Double(angles[r * d / 2 + i]))
          expected[low] = a * cos(angle) - b * sin(angle)
          expected[high] = b * cos(angle) + a * sin(angle)
        }
      }
    }
    expectClose(turned, expected)
    ap_rope(&turned, Int64(rows), Int64(heads * d), Int64(heads), Int64(d), cosines, sines, -1)
    expectClose(turned, x.map(Double.init))
  }

  @Test func crossEntropyOfALargeVocabularyIsExact() {
    let columns = 50_001
    let logits = numbers(2 * columns, scale: 6)
    var work = logits
    let targets: [Int32] = [17, -1]
    var losses = [Double](repeating: 9, count: 2)
    ap_cross_entropy(&work, 2, Int64(columns), targets, nil, &losses)
    let row = logits[..<columns].map(Double.init)
    let total = row.reduce(0) { $0 + exp($1) }
    #expect(abs(losses[0] - (log(total) - row[17])) < 1e-6)
    #expect(losses[1] == 0, "a row without a target has no loss")

    ap_cross_entropy(&work, 2, Int64(columns), targets, [0.5, 3], &losses)
    expectClose(
      Array(work[..<columns]), row.enumerated().map { 0.5 * (exp($1) / total - ($0 == 17 ? 1 : 0)) },
      within: 1e-6)
    #expect(work[columns...].allSatisfy { $0 == 0 })
  }

  @Test func rowDistances() {
    let (x, y) = (numbers(2 * 9), numbers(2 * 9, seed: 8))
    var (cosine, euclidean, manhattan) = ([0.0, 0], [0.0, 0], [0.0, 0])
    ap_row_distances(x, y, 2, 9, &cosine, &euclidean, &manhattan)
    for r in 0..<2 {
      let (a, b) = (x[r * 9..<r * 9 + 9].map(Double.init), y[r * 9..<r * 9 + 9].map(Double.init))
      func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      #expect(abs(cosine[r] - dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()) < 1e-12)
      #expect(
        abs(euclidean[r] - zip(a, b).reduce(0) { $0 + ($1.1 - $1.0) * ($1.1 - $1.0) }.squareRoot()) < 1e-12)
      #expect(abs(manhattan[r] - zip(a, b).reduce(0) { $0 + abs($1.1 - $1.0) }) < 1e-12)
    }
  }

  /// As comparing logits block by block of the vocabulary needs it: what is there is added to.
  @Test func rowProductsAreAddedUp() {
    let (x, y) = (numbers(2 * 9), numbers(2 * 9, seed: 8))
    var sums = [Double](repeating: 1, count: 8)
    ap_row_products(x, y, 2, 9, &sums)
    for r in 0..<2 {
      let (a, b) = (x[r * 9..<r * 9 + 9].map(Double.init), y[r * 9..<r * 9 + 9].map(Double.init))
      func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      let difference = zip(a, b).map { $0 - $1 }
      for (found, expected) in zip(
        sums[4 * r..<4 * r + 4], [dot(a, b), dot(a, a), dot(b, b), dot(difference, difference)])
      { #expect(abs(found - 1 - expected) < 1e-12) }
    }
  }
}
