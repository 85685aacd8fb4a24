import Foundation

/// Divides training data among the rounds of an interleaved run, in which pruning and training take turns.
///
/// The rule is that of the published Adapt-Pruner code (`utils/process_dataset.py`, the loop over
/// `iterative_prune_train_step` in `main`; its scripts use `linear`). Part i of R has
///
///     linear    ⌊N · 2(i+1) / (R(R+1))⌋       later rounds, whose model has lost more, get more
///     constant  ⌊N / R⌋
///     cosine    ⌊N(1 − cos((i+1)π/2R)) − ⌊N(1 − cos(iπ/2R))⌋⌋
///
/// computed in doubles, in this order of operations. The last part has the rest.
public enum RoundShares: String, Sendable, CaseIterable {
  case linear, constant, cosine

  /// Returns how many of `total` samples or tokens each round gets, the first round first. The sum is `total`. Empty
  /// without rounds.
  public func shares(of total: Int, rounds: Int) -> [Int] {
    guard rounds > 0, total >= 0 else { return [] }
    var shares: [Int] = []
    var left = total
    for round in 0..<rounds - 1 {
      // Rounding in doubles might give the parts one more than there is.
      let share = min(left, max(0, share(ofRound: round, of: rounds, total: total)))
      shares.append(share)
      left -= share
    }
    return shares + [left]
  }

  private func share(ofRound round: Int, of rounds: Int, total: Int) -> Int {
    let (samples, parts) = (Double(total), Double(rounds))
    switch self {
    case .linear: return Int(samples * (2 * Double(round + 1) / (parts * (parts + 1))))
    case .constant: return total / rounds
    case .cosine:
      let before = Int(samples * (1 - cos(Double(round) * .pi / (2 * parts))))
      return Int(samples * (1 - cos(Double(round + 1) * .pi / (2 * parts))) - Double(before))
    }
  }
}
