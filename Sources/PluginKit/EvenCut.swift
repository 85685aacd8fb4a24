/// Whole units for families that each lose a share of theirs.
public enum EvenCut {
  /// Each family loses its share of its original units, in whole ones, until enough is freed. Where the few KV groups
  /// of all layers go at the same share, no share may fit. Of the last that is not enough and the first that is, the
  /// nearer is taken. The rest is made up for in the cheapest units, one by one, from whoever lags most behind its
  /// share, or returned to whoever is most ahead. Where too little is left to return it all, the other share is
  /// taken.
  ///
  /// - Parameters:
  ///   - excess: what is to be freed, in the measure of the families' costs.
  ///   - times: nothing leaves at the first, and all that may at the last.
  ///   - share: of a family, by its index, at a time: in [0, 1].
  /// - Returns: units that leave, by family, and the time that was taken.
  public static func removed(
    from families: [Family], excess: Int, times: ClosedRange<Double>,
    share: (_ family: Int, _ time: Double) -> Double
  ) -> (units: [Int], time: Double) {
    guard excess > 0 else { return (families.map { _ in 0 }, times.lowerBound) }
    func due(_ time: Double) -> [Int] {
      families.indices.map { index in
        let family = families[index]
        let gone = family.originalCount - family.count
        let wanted = Int(share(index, time) * Double(family.originalCount)) - gone
        return max(0, min(family.count - family.minimum, wanted))
      }
    }
    func freed(_ units: [Int]) -> Int { zip(families, units).reduce(0) { $0 + $1.0.cost * $1.1 } }
    var (low, high) = (times.lowerBound, times.upperBound)
    for _ in 0..<100 {
      let middle = low + (high - low) / 2
      if middle <= low || middle >= high { break }
      if freed(due(middle)) >= excess { high = middle } else { low = middle }
    }
    let isNearerBelow = excess - freed(due(low)) <= freed(due(high)) - excess
    /// Makes up for the rest, or returns it.
    func settled(_ time: Double) -> (units: [Int], sum: Int) {
      var removed = due(time)
      var sum = freed(removed)
      /// How far a family is ahead of its share.
      func lead(_ index: Int) -> Double {
        let original = families[index].originalCount
        return Double(original - families[index].count + removed[index]) / Double(max(1, original))
          - share(index, time)
      }
      while sum < excess {
        // Of equals the first.
        let next = families.indices.filter { families[$0].count - removed[$0] > families[$0].minimum }
          .min { (families[$0].cost, lead($0), $0) < (families[$1].cost, lead($1), $1) }
        guard let next else { break }
        removed[next] += 1
        sum += families[next].cost
      }
      while true {
        // Of equals the last.
        let next = families.indices.filter { removed[$0] > 0 && sum - families[$0].cost >= excess }
          .min { (families[$0].cost, -lead($0), -$0) < (families[$1].cost, -lead($1), -$1) }
        guard let next else { break }
        removed[next] -= 1
        sum -= families[next].cost
      }
      return (removed, sum)
    }
    let time = isNearerBelow ? low : high
    let nearer = settled(time)
    // Channels that leave now may be too few to make room for a group that leaves with them.
    let cheapest = families.filter { $0.count > $0.minimum }.map(\.cost).min() ?? 0
    if nearer.sum - excess < cheapest { return (nearer.units, time) }
    let other = isNearerBelow ? high : low
    let further = settled(other)
    let fits = further.sum >= excess && further.sum < nearer.sum
    return fits ? (further.units, other) : (nearer.units, time)
  }
}
