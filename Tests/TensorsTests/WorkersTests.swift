import Foundation
import Synchronization
import Tensors
import Testing

@Suite struct WorkersTests {
  @Test(arguments: [1, 2, 5])
  func everyPartRunsOnceUnderAWorkerOfItsOwn(_ threads: Int) {
    let workers = Workers(count: threads)
    for parts in [0, 1, 3, 1000] {
      let counts = (0..<parts).map { _ in Counter() }
      let inUse = (0..<threads).map { _ in Counter() }
      workers.run(parts) { part, worker in
        #expect(inUse[worker].add(1) == 1, "two parts at once under one number")
        counts[part].add(1)
        inUse[worker].add(-1)
      }
      #expect(counts.allSatisfy { $0.value == 1 })
    }
  }

  private final class Counter: Sendable {
    private let count = Atomic<Int>(0)
    @discardableResult func add(_ n: Int) -> Int { count.add(n, ordering: .relaxed).newValue }
    var value: Int { count.load(ordering: .relaxed) }
  }

  /// Sizes that are no multiples of any tile, in all four orientations, against the sum written out.
  @Test(arguments: [1, 2, 3])
  func productsAreThoseOfTheDefinition(_ threads: Int) {
    let workers = Workers(count: threads)
    for (m, n, k) in [(1, 1, 1), (37, 5, 11), (5, 211, 300), (130, 131, 67)] {
      let a = Buffer((0..<m * k).map { Float(sin(Double($0))) })
      let b = Buffer((0..<k * n).map { Float(cos(Double($0))) })
      for (aSide, bSide) in [
        (Orientation.plain, Orientation.plain), (.plain, .transposed), (.transposed, .plain),
        (.transposed, .transposed),
      ] {
        let c = Buffer(m * n)
        for i in 0..<m * n { c.base[i] = 1 }
        workers.multiply(
          Rows(a.base, stride: aSide == .plain ? k : m), aSide, Rows(b.base, stride: bSide == .plain ? n : k),
          bSide,
          into: Rows(c.base, stride: n), m: m, n: n, k: k, alpha: 0.5, beta: 2)
        var worst = 0.0
        for i in 0..<m {
          for j in 0..<n {
            var sum = 0.0
            for l in 0..<k {
              let x = a.base[aSide == .plain ? i * k + l : l * m + i]
              sum += Double(x) * Double(b.base[bSide == .plain ? l * n + j : j * k + l])
            }
            worst = max(worst, abs(Double(c.base[i * n + j]) - (0.5 * sum + 2)))
          }
        }
        #expect(worst < 1e-5 * Double(k), "\(m)×\(n)×\(k) \(aSide) \(bSide) on \(threads)")
      }
    }
  }

  /// Small whole numbers, whose products float32 holds exactly.
  @Test(arguments: [(1, 1), (7, 3), (200, 5), (250, 33)])
  func gramMatricesAreXTransposedX(_ n: Int, _ count: Int) {
    let workers = Workers(count: 2)
    let x = (0..<count * (n + 1)).map { Float(($0 * 37) % 11 - 5) }
    let values = Buffer(x)
    let gram = Buffer(n * n)
    let rows = Rows(gram.base, stride: n)
    // Rows of X are longer than what is multiplied; and once more with a factor.
    workers.addGram(of: Rows(values.base, stride: n + 1), count: count, n: n, to: rows)
    workers.addGram(of: Rows(values.base, stride: n + 1), count: count, n: n, alpha: 2, to: rows)
    workers.mirror(rows, n: n, scale: 0.5)
    for i in 0..<n {
      for j in 0..<n {
        let sum = (0..<count).reduce(Float(0)) { $0 + x[$1 * (n + 1) + i] * x[$1 * (n + 1) + j] }
        #expect(gram.base[i * n + j] == 1.5 * sum)
      }
    }
  }
}
