/// How far one model's mean lies from another's over the same items, with the interval that the bootstrap gives.
package struct PairedDifference: Equatable, Sendable {
  /// Mean of the first minus mean of the second, every item and every seed weighing the same.
  package let mean: Double
  /// The 2.5th and the 97.5th percentile of the draws.
  package let low: Double
  package let high: Double
  package let items: Int

  package init(mean: Double, low: Double, high: Double, items: Int) {
    self.mean = mean
    self.low = low
    self.high = high
    self.items = items
  }

  /// Whether zero lies outside of the interval.
  package var isShown: Bool { low > 0 || high < 0 }
}

/// The paired bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 8.3 and 13.3), percentile
/// interval. Items are drawn again with replacement, the same for both models, since an item that is hard for one is
/// hard for the other. Where there are several seeds they are drawn again too, so that the interval speaks of other
/// seeds as well as of other text: together for both models if both have the same seeds, and else for each by itself.
package struct PairedBootstrap {
  package static let usualDraws = 2000
  package let draws: Int
  /// Of the draws: the same input gives the same interval.
  package let seed: UInt64

  package init(draws: Int = Self.usualDraws, seed: UInt64 = 0) {
    self.draws = max(1, draws)
    self.seed = seed
  }

  /// - Parameters:
  ///   - first: `[seeds][items]`.
  ///   - second: the same items in the same order.
  ///   - pairsSeeds: whether seed i of one belongs to seed i of the other; then both have the same number.
  /// - Returns: nil if there are fewer than two items, if the counts differ, or if a value isn't finite.
  package func difference(
    _ first: [[Double]], _ second: [[Double]], pairsSeeds: Bool
  ) -> PairedDifference? {
    let items = first.first?.count ?? 0
    guard items > 1, !second.isEmpty, (first + second).allSatisfy({ $0.count == items }),
      (first + second).joined().allSatisfy(\.isFinite), !pairsSeeds || first.count == second.count
    else { return nil }
    var random = SplitMix64(state: seed)
    var means: [Double] = []
    means.reserveCapacity(draws)
    for _ in 0..<draws {
      let mine = drawn(first.count, &random)
      let theirs = pairsSeeds ? mine : drawn(second.count, &random)
      let picked = (0..<items).map { _ in random.index(below: items) }
      means.append(mean(of: first, mine, picked) - mean(of: second, theirs, picked))
    }
    means.sort()
    return PairedDifference(
      mean: mean(of: first, Array(first.indices), Array(0..<items))
        - mean(of: second, Array(second.indices), Array(0..<items)),
      low: Self.percentile(means, 0.025), high: Self.percentile(means, 0.975), items: items)
  }

  /// A single seed is always itself, and takes no random number.
  private func drawn(_ count: Int, _ random: inout SplitMix64) -> [Int] {
    count == 1 ? [0] : (0..<count).map { _ in random.index(below: count) }
  }

  private func mean(of values: [[Double]], _ seeds: [Int], _ items: [Int]) -> Double {
    var sum = 0.0
    for seed in seeds {
      values[seed].withUnsafeBufferPointer { row in
        for item in items { sum += row[item] }
      }
    }
    return sum / Double(seeds.count * items.count)
  }

  /// Between the two nearest ranks in a straight line (Hyndman and Fan's type 7, which numpy.percentile takes).
  /// - Parameter sorted: ascending, not empty.
  package static func percentile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let below = min(max(0, Int(place)), sorted.count - 1)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }
}

/// Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// The upper half of the 128-bit product: even to within count / 2⁶⁴.
  mutating func index(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(max(1, count))).high)
  }
}
