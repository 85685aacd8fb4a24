import PluginKit

/// How many columns stay at each place.
struct Widths {
  private let residual: Residual
  private let roundTo: Int
  private let slicesHead: Bool

  init(_ residual: Residual, roundTo: Int, slicesHead: Bool) {
    self.residual = residual
    self.roundTo = roundTo
    self.slicesHead = slicesHead
  }

  private var hidden: Int { residual.hidden }

  // MARK: - One width

  private func constant(_ width: Int) -> [Int] {
    residual.places.map { $0.name == "head" && !slicesHead ? hidden : width }
  }

  /// The published rule (run_slicegpt.py): int((1 − sparsity) · hidden), less its rest by the multiple.
  func constant(sparsity: Double) -> [Int] {
    constant(rounded(down: Int((1 - sparsity) * Double(hidden))))
  }

  private func rounded(down width: Int) -> Int {
    width == hidden ? width : max(min(roundTo, hidden), width / roundTo * roundTo)
  }

  /// The widest that is within the goal.
  func constant(within goal: Int) throws -> [Int] {
    for width in ladder.reversed() where residual.size(constant(width)) <= goal { return constant(width) }
    throw outOfReach(goal, constant(ladder.first ?? 1))
  }

  /// Widths that may be, ascending.
  private var ladder: [Int] {
    Array(stride(from: min(roundTo, hidden), to: hidden, by: roundTo)) + [hidden]
  }

  // MARK: - By each place's energies

  /// The fewest columns without which a place loses at most this share of its energy.
  func byEnergy(losing share: Double) throws -> [Int] {
    try losses().map { losses in width(losses, share) }
  }

  /// The smallest share lost, the same everywhere, whose widths are within the goal.
  func byEnergy(within goal: Int) throws -> [Int] {
    let losses = try losses()
    func widths(_ share: Double) -> [Int] { losses.map { width($0, share) } }
    // Widths change at these shares only, and none grows as the share does.
    let shares = Set(losses.joined()).sorted()
    var (low, high) = (0, shares.count - 1)
    guard let most = shares.last, residual.size(widths(most)) <= goal else {
      throw outOfReach(goal, widths(shares.last ?? 1))
    }
    while low < high {
      let middle = (low + high) / 2
      if residual.size(widths(shares[middle])) <= goal { high = middle } else { low = middle + 1 }
    }
    return widths(shares[low])
  }

  /// For each place and each step of the ladder the share of the place's energy that is lost there, descending, 0 at its
  /// end; a place that is not sliced has none but the last.
  private func losses() throws -> [[Double]] {
    try residual.places.map { place in
      guard place.energies.count == hidden else {
        throw PluginError("there are no energies of \(place.name)")
      }
      guard slicesHead || place.name != "head" else { return [0] }
      let total = place.energies.reduce(0, +)
      // From the smallest on, so that what is small is not lost beside what is large.
      var tail = 0.0
      var tails = [Double](repeating: 0, count: hidden + 1)
      for index in place.energies.indices.reversed() {
        tail += place.energies[index]
        tails[index] = tail
      }
      return ladder.map { total > 0 ? tails[$0] / total : 0 }
    }
  }

  private func width(_ losses: [Double], _ share: Double) -> Int {
    guard losses.count == ladder.count else { return hidden }
    return zip(ladder, losses).first { $1 <= share }?.0 ?? hidden
  }

  private func outOfReach(_ goal: Int, _ narrowest: [Int]) -> PluginError {
    PluginError(
      "the target of \(goal) \(residual.measure) is out of reach; with the narrowest stream that the options allow "
        + "\(residual.size(narrowest)) are left" + (slicesHead ? "" : " (\"slice_head\" would leave fewer)"),
      kind: .invalidOptions)
  }
}
