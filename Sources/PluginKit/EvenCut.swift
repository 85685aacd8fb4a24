/// Cuts families by a share each, in whole units.
public enum EvenCut {
  /// Removes each family's share of its original units, in whole units, until enough is freed.
  ///
  /// The KV groups of all layers are few and may all leave at the same share, so no share may fit exactly. Two shares
  /// come near: the last that frees too little and the first that frees enough. The nearer one is taken.
  ///
  /// The difference is settled in the cheapest units, one by one. Units leave the family that lags most behind its
  /// share, or return to the family that is most ahead. If too few units left to return the difference, the other share
  /// is taken.
  ///
  /// - Parameters:
  ///   - excess: the cost to free, in the measure of the families' costs.
  ///   - times: nothing leaves at the lower bound; everything that may leave does at the upper bound.
  ///   - share: the share of a family, given by its index, at a time. It is in [0, 1].
  /// - Returns: the number of units that leave each family, and the time that was taken.
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
    /// Settles the difference.
    func settled(_ time: Double) -> (units: [Int], sum: Int) {
      var removed = due(time)
      var sum = freed(removed)
      /// The distance by which a family is ahead of its share.
      func lead(_ index: Int) -> Double {
        let original = families[index].originalCount
        return Double(original - families[index].count + removed[index]) / Double(max(1, original))
          - share(index, time)
      }
      while sum < excess {
        // The first of equals.
        let next = families.indices.filter { families[$0].count - removed[$0] > families[$0].minimum }
          .min { (families[$0].cost, lead($0), $0) < (families[$1].cost, lead($1), $1) }
        guard let next else { break }
        removed[next] += 1
        sum += families[next].cost
      }
      while true {
        // The last of equals.
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
    // Too few channels may leave to make room for a group that leaves with them.
    let cheapest = families.filter { $0.count > $0.minimum }.map(\.cost).min() ?? 0
    if nearer.sum - excess < cheapest { return (nearer.units, time) }
    let other = isNearerBelow ? high : low
    let further = settled(other)
    let fits = further.sum >= excess && further.sum < nearer.sum
    return fits ? (further.units, other) : (nearer.units, time)
  }
}
