import RandomNumbers

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

  /// One side of pairs, with its means over the draws, which are the same in all pairs that draw alike: of many methods
  /// each is drawn once, and not once for each other.
  package final class Sample {
    /// `[seeds][items]`
    let values: [[Double]]
    /// By the number of seeds that are drawn.
    fileprivate var means: [Int: [Double]] = [:]

    package init(_ values: [[Double]]) { self.values = values }
  }

  /// - Parameters:
  ///   - first: `[seeds][items]`.
  ///   - second: the same items in the same order.
  ///   - pairsSeeds: whether seed i of one belongs to seed i of the other; then both have the same number.
  /// - Returns: nil if there are fewer than two items, if the counts differ, or if a value isn't finite.
  package func difference(
    _ first: [[Double]], _ second: [[Double]], pairsSeeds: Bool
  ) -> PairedDifference? {
    difference(Sample(first), Sample(second), pairsSeeds: pairsSeeds)
  }

  /// The same of samples, which keep what others can take.
  package func difference(_ first: Sample, _ second: Sample, pairsSeeds: Bool) -> PairedDifference? {
    let (mine, theirs) = (first.values, second.values)
    let items = mine.first?.count ?? 0
    guard items > 1, !theirs.isEmpty, (mine + theirs).allSatisfy({ $0.count == items }),
      (mine + theirs).joined().allSatisfy(\.isFinite), !pairsSeeds || mine.count == theirs.count
    else { return nil }
    var means: [Double]
    if pairsSeeds || mine.count == 1 || theirs.count == 1 {
      let seeds = max(mine.count, theirs.count)
      means = zip(drawnMeans(of: first, seeds: seeds), drawnMeans(of: second, seeds: seeds)).map { $0 - $1 }
    } else {
      means = differencesOfUnlikeSeeds(mine, theirs)
    }
    means.sort()
    return PairedDifference(
      mean: mean(of: mine, Array(mine.indices), Array(0..<items))
        - mean(of: theirs, Array(theirs.indices), Array(0..<items)),
      low: Self.percentile(means, 0.025), high: Self.percentile(means, 0.975), items: items)
  }

  /// - Parameter seeds: how many are drawn; the sample has as many, or one, which is then all that there is to draw.
  private func drawnMeans(of sample: Sample, seeds: Int) -> [Double] {
    if let known = sample.means[seeds] { return known }
    let items = sample.values.first?.count ?? 0
    var random = SplitMix64(state: seed)
    let means = (0..<draws).map { _ in
      let drawn = drawn(seeds, &random)
      let picked = (0..<items).map { _ in random.index(below: items) }
      return mean(of: sample.values, sample.values.count == 1 ? [0] : drawn, picked)
    }
    sample.means[seeds] = means
    return means
  }

  /// Each side's seeds drawn for themselves.
  private func differencesOfUnlikeSeeds(_ first: [[Double]], _ second: [[Double]]) -> [Double] {
    let items = first.first?.count ?? 0
    var random = SplitMix64(state: seed)
    return (0..<draws).map { _ in
      let mine = drawn(first.count, &random)
      let theirs = drawn(second.count, &random)
      let picked = (0..<items).map { _ in random.index(below: items) }
      return mean(of: first, mine, picked) - mean(of: second, theirs, picked)
    }
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
