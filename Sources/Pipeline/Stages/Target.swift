import Wording

/// How large the model may be after a prune or transform stage.
public struct Target: Sendable, Equatable {
  public enum Measure: String, Sendable, CaseIterable { case parameters, macs }
  /// What a fraction is a fraction of.
  public enum Base: String, Sendable, CaseIterable {
    /// The model as it was before the run.
    case original
    /// The model as it enters the stage.
    case current
  }
  public enum Amount: Sendable, Equatable {
    /// Above 0, at most 1.
    case fraction(Double, of: Base)
    case count(Int)
  }

  public let measure: Measure
  public let amount: Amount
  /// In a repeat, whether the target is approached from round to round in equal steps and met in the last; otherwise each
  /// round has it. Only a fraction of the original can be.
  public let spreads: Bool

  public init(measure: Measure, amount: Amount, spreads: Bool = false) {
    self.measure = measure
    self.amount = amount
    self.spreads = spreads
  }

  /// Stands for one that could not be read.
  static let unread = Target(measure: .parameters, amount: .fraction(1, of: .original))

  /// The target of one round out of several: 1 − (1 − share) · (round + 1) / rounds, as the published scripts set it
  /// (experiments/iterative_Prune_Train_*.sh).
  func inRound(_ round: StageRound) -> Target {
    guard spreads, case .fraction(let share, .original) = amount else { return self }
    let part = 1 - (1 - share) * Double(round.time + 1) / Double(round.times)
    return Target(measure: measure, amount: .fraction(part, of: .original))
  }

  /// The same with another share; nil if it is no share of the original model.
  func aiming(at share: Double) -> Target? {
    guard case .fraction(_, of: .original) = amount else { return nil }
    return Target(measure: measure, amount: .fraction(share, of: .original), spreads: spreads)
  }

  var words: String {
    let measure = measure == .macs ? "multiply-accumulates a token" : "parameters"
    switch amount {
    case .count(let count): return "\(HumanFormat.grouped(count)) \(measure)"
    case .fraction(let share, let base):
      let whole = base == .original ? "the original" : "the current"
      return "\(HumanFormat.percent(share)) of \(whole) \(measure)"
    }
  }
}
