import RandomNumbers

/// The difference of two models' means over the same items, with its bootstrap interval.
package struct PairedDifference: Equatable, Sendable {
  /// Mean of the first minus mean of the second. All items and seeds weigh the same.
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
  package var isSignificant: Bool { low > 0 || high < 0 }
}

/// The paired bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 8.3 and 13.3), percentile
/// interval. It draws items with replacement, the same for both models: an item that is hard for one is hard for the
/// other. It draws seeds too, so that the interval covers other seeds and other text. Models with the same seeds
/// share the draws of seeds; others have their own.
package struct PairedBootstrap {
  package static let defaultDraws = 2000
  package let draws: Int
  /// The seed of the draws. The same input gives the same interval.
  package let seed: UInt64

  package init(draws: Int = Self.defaultDraws, seed: UInt64 = 0) {
    self.draws = max(1, draws)
    self.seed = seed
  }

  /// One side of a pair, with its means over the draws. Pairs that draw alike share the means, so that each of many
  /// methods is drawn once.
  package final class Sample {
    /// `[seeds][items]`
    let values: [[Double]]
    /// By the number of drawn seeds.
    fileprivate var means: [Int: [Double]] = [:]

    package init(_ values: [[Double]]) { self.values = values }
  }

  /// - Parameters:
  ///   - first: `[seeds][items]`.
  ///   - second: the same items in the same order.
  ///   - pairsSeeds: whether seed i of one belongs to seed i of the other. Then both have the same number of seeds.
  /// - Returns: nil if there are fewer than two items, if the counts differ, or if a value isn't finite.
  package func difference(_ first: Sample, _ second: Sample, pairsSeeds: Bool) -> PairedDifference? {
    let (mine, theirs) = (first.values, second.values)
    let items = mine.first?.count ?? 0
    guard items > 1, !theirs.isEmpty, (mine + theirs).allSatisfy({ $0.count == items }),
      (mine + theirs).joined().allSatisfy(\.isFinite), !pairsSeeds || mine.count == theirs.count
    else { return nil }
    let seeds = max(mine.count, theirs.count)
    let means =
      (pairsSeeds || mine.count == 1 || theirs.count == 1
      ? zip(drawnMeans(of: first, seeds: seeds), drawnMeans(of: second, seeds: seeds)).map { $0 - $1 }
      : differencesOfUnlikeSeeds(mine, theirs)).sorted()
    return PairedDifference(
      mean: mean(of: mine, Array(mine.indices), Array(0..<items))
        - mean(of: theirs, Array(theirs.indices), Array(0..<items)),
      low: Self.percentile(means, 0.025), high: Self.percentile(means, 0.975), items: items)
  }

  /// - Parameter seeds: the number to draw. The sample has as many, or one, which is then drawn each time.
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

  /// Draws the seeds of each side by themselves.
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

  /// Returns seeds. A single one takes no random number.
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

  /// Interpolates between the two nearest ranks (Hyndman and Fan's type 7, as numpy.percentile does).
  /// - Parameter sorted: ascending, not empty.
  package static func percentile(_ sorted: [Double], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let below = min(max(0, Int(place)), sorted.count - 1)
    let above = min(below + 1, sorted.count - 1)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }
}
